//! Rules against the truth: a shadow call stack, kept by single-stepping a program that the test starts. Here the rules made
//! from assembly; in `every_instruction` all rules of the programs whose calls are known.

mod every_instruction;
mod file;
mod report;
mod shadow;
mod walk;

use crate::{Skip, lab, tests};
use bpf::unwind::rule::{Cfa, registers};
use file::Loaded;
use shadow::{Orders, Shadow};
use std::path::Path;
use std::process::Command;
use walk::Figures;

pub(super) use every_instruction::tests as every_instruction;

tests!(assembly_without_rules, dav1d, libvpx, libavcodec, libx264);

/// Instructions that a function is followed for.
const STEPS: u64 = 3_000;
/// Functions of a library that are followed, at most: they are spread over it.
const FUNCTIONS: usize = 400;
/// Single-threaded, and quiet.
const FFMPEG: &str = "ffmpeg -v error -nostdin -y -threads 1 -filter_threads 1";
/// A picture that moves, with noise in it.
const PICTURE: &str = "-f lavfi -i testsrc2=size=176x144:rate=5:duration=1,noise=alls=12:allf=t";

fn assembly_without_rules() -> Result<(), Skip> {
    let program = lab::program("assembly")?;
    let all = |_: &Loaded| Orders { each: 20, ..Orders::default() };
    let figures = compare(&Command::new(&program), &program, all)?;
    assert!(figures.right > 1_500 && figures.right == figures.frames(), "{figures}");
    assert_eq!(figures.whole, figures.stacks, "{figures}");
    Ok(())
}

fn dav1d() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let clip = directory.path().join("clip.ivf");
    let _ = lab::need("dav1d")?;
    encode("-pix_fmt yuv420p -c:v libaom-av1 -cpu-used 8 -b:v 300k", &clip)?;
    for instructions in ["ssse3", "avx2"] {
        let options =
            format!("--quiet --threads 1 --cpumask {instructions} -o /dev/null --muxer null -i");
        let mut command = Command::new("dav1d");
        command.args(options.split(' ')).arg(&clip);
        library(&command, "libdav1d.so")?;
    }
    Ok(())
}

fn libvpx() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    let clip = directory.path().join("clip.y4m");
    let _ = lab::need("vpxenc")?;
    encode("-pix_fmt yuv420p", &clip)?;
    let mut command = Command::new("vpxenc");
    command
        .args("--quiet --threads=1 --cpu-used=5 --rt --target-bitrate=300 -o /dev/null".split(' '));
    library(command.arg(&clip), "libvpx.so")
}

fn libavcodec() -> Result<(), Skip> {
    let directory = tempfile::tempdir().expect("there is room for a directory");
    for (encoder, clip) in [("libx264", "clip.mp4"), ("libvpx-vp9", "clip.webm")] {
        let clip = directory.path().join(clip);
        encode(&format!("-pix_fmt yuv420p -c:v {encoder}"), &clip)?;
        let mut command = Command::new("ffmpeg");
        command.args(FFMPEG.split(' ').skip(1)).arg("-i").arg(&clip).args(["-f", "null", "-"]);
        library(&command, "libavcodec.so")?;
    }
    Ok(())
}

fn libx264() -> Result<(), Skip> {
    let _ = lab::need("ffmpeg")?;
    let mut command = Command::new("ffmpeg");
    command.args(FFMPEG.split(' ').skip(1)).args(PICTURE.split(' '));
    let one_thread = "-c:v libx264 -threads 1 -x264-params threads=1:lookahead-threads=1 -f null -";
    library(command.args(one_thread.split(' ')), "libx264.so")
}

/// Makes a short clip.
fn encode(options: &str, clip: &Path) -> Result<(), Skip> {
    let _ = lab::need("ffmpeg")?;
    let mut command = Command::new("ffmpeg");
    command.args(FFMPEG.split(' ').skip(1)).args(PICTURE.split(' ')).args(options.split(' '));
    let _ = lab::finish(command.arg(clip)).with_code(0);
    Ok(())
}

/// Compares stacks in a library's assembly: nearly all frames right, and none silently wrong.
fn library(command: &Command, name: &str) -> Result<(), Skip> {
    let figures = compare(command, Path::new(name), |file| Orders {
        each: 3,
        from: spread(file),
        steps: STEPS,
        ..Orders::default()
    })?;
    assert!(figures.functions > 5 && figures.right > 500, "{name}: {figures}");
    assert_eq!(figures.wrong, 0, "{name}: {figures}; at {:x?}", figures.places);
    assert!(figures.share() >= 0.999, "{name}: {figures}; at {:x?}", figures.places);
    Ok(())
}

/// Where a library's assembly seems to be entered: whether that is so shows when it returns.
fn spread(file: &Loaded) -> Vec<u64> {
    let entry = Cfa::Register { register: registers::STACK_POINTER, offset: 8 };
    let at_entry = |row: &u64| file.table.look_up(*row).is_some_and(|rule| rule.cfa == entry);
    let all: Vec<u64> =
        file.rows.iter().copied().filter(|row| row % 16 == 0 && at_entry(row)).collect();
    let every = all.len().div_ceil(FUNCTIONS).max(1);
    all.into_iter().step_by(every).collect()
}

/// Follows a command, and compares its stacks in one of its files.
fn compare(
    command: &Command,
    file: &Path,
    orders: impl Fn(&Loaded) -> Orders,
) -> Result<Figures, Skip> {
    let mut shadow = Shadow::start(&lab::program("shadow")?, command)?;
    let loaded = Loaded::find(shadow.pid(), file)?;
    shadow.order(&orders(&loaded), &loaded);
    let mut figures = Figures::default();
    while let Some(stacks) = shadow.window(&loaded) {
        figures.add(&stacks);
    }
    Ok(figures)
}
