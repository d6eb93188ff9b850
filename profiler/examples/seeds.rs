//! Real inputs for the fuzz targets that no file of this machine is: `seeds java PID DIRECTORY` writes the memory of a Java virtual
//! machine and pieces of its code, `seeds messages FILE DIRECTORY` the messages of a question about a file and its answer.
#![forbid(unsafe_code)]

use elf::{Bytes, Image};
use profiler::fuzzing::hotspot::{Code, Snapshot};
use std::collections::HashMap;
use std::error::Error;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use symbolizer::MappedFile;
use symbolizer::fuzzing::{question_of, reply_of, reply_with};
use symbolizer::name::Texts;
use symbolizer::name::ask::files::NoFiles;
use symbolizer::name::ask::{Answers, Question, Want};
use symbolizer::serve::Server;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The pages of the snapshots: one holds the description alone, the others more and more of the heaps.
const PAGES: [usize; 3] = [160, 320, 640];
/// The pieces of code of each kind, and the most bytes of each.
const PIECES: usize = 8;
const LARGEST: usize = 60 << 10;

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["java", pid, directory] => java(pid, Path::new(directory)),
        ["messages", file, directory] => messages(file, Path::new(directory)),
        _ => Err("usage: seeds java PID DIRECTORY | seeds messages FILE DIRECTORY".into()),
    }
}

/// Writes snapshots to `java` and code to `java_code`.
fn java(pid: &str, directory: &Path) -> Result<()> {
    let maps = fs::read_to_string(format!("/proc/{pid}/maps"))?;
    let line = maps.lines().find(|line| line.ends_with("/libjvm.so")).ok_or("no Java")?;
    let bias = u64::from_str_radix(line.split('-').next().unwrap_or_default(), 16)?;
    let library = File::open(line.split_whitespace().nth(5).ok_or("no path")?)?;
    let memory = File::open(format!("/proc/{pid}/mem"))?;
    let mut codes = Vec::new();
    for pages in PAGES {
        let Some(snapshot) = Snapshot::of(&library, bias, &memory, pages) else { continue };
        write(directory, "java", &pages.to_string(), &snapshot.to_bytes())?;
        codes = snapshot.code();
    }
    let mut seen: HashMap<String, usize> = HashMap::new();
    for code in codes {
        let count = seen.entry(code.name.clone()).or_default();
        *count += 1;
        if *count <= PIECES {
            write(
                directory,
                "java_code",
                &format!("{}-{count}", plain(&code.name)),
                &piece(&code),
            )?;
        }
    }
    Ok(())
}

/// A piece of code as the target `java_code` takes it: its kind, three numbers, its bytes.
fn piece(code: &Code) -> Vec<u8> {
    let kind: u8 = match code.name.as_str() {
        "nmethod" | "native nmethod" => 0,
        "Interpreter" => 3,
        "I2C/C2I adapters" => 4,
        name if name.starts_with("StubRoutines") => 5,
        _ => 2,
    };
    let number = |value: i64| u32::try_from(value).unwrap_or(0).to_le_bytes();
    let mut piece = vec![kind];
    piece.extend([number(code.complete), number(code.words), number(0)].concat());
    piece.extend(code.bytes.iter().take(LARGEST));
    piece
}

/// Writes messages to `messages`, each behind the number of names that were asked for.
fn messages(path: &str, directory: &Path) -> Result<()> {
    let handle = File::open(path)?;
    let image = Image::parse(Bytes::File(&handle))?;
    let text = image.section(".text").ok_or("no code")?;
    let addresses: Vec<u64> = (0..200).map(|at| text.address + at * (text.size / 200)).collect();
    let file = MappedFile {
        path: path.as_bytes().to_vec(),
        build_id: image.build_id(),
        handle: Some(Arc::new(handle.try_clone()?)),
        reason: None,
        segments: Vec::new(),
        root: None,
    };
    let question =
        Question::File { file: &file, addresses: &addresses, no_inline: false, dwarf: true };
    let (mut texts, time) = (Texts::default(), Duration::from_secs(9));
    let answer = Server::default().answer(&question, &mut NoFiles, &mut texts, time);
    let link = Want::Link { foreign: true, place: 1, name: b"program.debug".to_vec() };
    for (name, message) in [
        ("question", question_of(&question)),
        ("answer", reply_of(&answer)),
        ("link", reply_with(&link)),
        ("build-id", reply_with(&Want::BuildId { foreign: false })),
        ("server", reply_with(&Want::Server)),
    ] {
        let count = [addresses.len() as u8];
        write(directory, "messages", name, &[&count[..], &message].concat())?;
        // As it travels: behind its length.
        let length = (message.len() as u64).to_le_bytes();
        let sent = [&count[..], &length, &message].concat();
        write(directory, "messages", &format!("{name}-sent"), &sent)?;
    }
    Ok(())
}

fn write(directory: &Path, target: &str, name: &str, bytes: &[u8]) -> Result<()> {
    let directory: PathBuf = directory.join(target);
    fs::create_dir_all(&directory)?;
    Ok(fs::write(directory.join(name), bytes)?)
}

/// A name without what paths do not have.
fn plain(name: &str) -> String {
    name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect()
}
