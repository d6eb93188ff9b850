//! Separate debug files, and the symbol table inside a stripped file.

use std::fs::{self, File};
use std::sync::Arc;

use super::{Fixture, chain, local};
use crate::MappedFile;

const C: &str = "__attribute__((noinline)) int work(int n) { return n * 7 + (int)(long)__builtin_frame_address(0); }\n\
    int main(int n, char **v) { (void)v; return work(n); }";

/// A stripped program `a`, and its debug file `a.debug`.
fn split(flags: &[&str]) -> (Fixture, u64) {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &[&["-O2", "-g", "-o", "a", "a.c"], flags].concat());
    let work = fixture.address("a", "work");
    fixture.run("objcopy", &["--only-keep-debug", "a", "a.debug"]);
    fixture.run("strip", &["a"]);
    (fixture, work)
}

fn names(file: &MappedFile, address: u64) -> (String, Vec<String>) {
    use crate::Symbolize;
    let mut symbolizer = local();
    let named = symbolizer.file(file, &[address]).remove(0);
    let line = named.lines.first().map_or(0, |line| line.line);
    let warnings = symbolizer.warnings().into_iter().map(|warning| warning.what).collect();
    (format!("{}:{line}", chain(&named)), warnings)
}

#[test]
fn by_debug_link_with_its_checksum() {
    let (fixture, work) = split(&["-Wl,--build-id=none"]);
    fixture.run("objcopy", &["--add-gnu-debuglink=a.debug", "a"]);
    assert_eq!(names(&fixture.mapped("a"), work), ("work:1".to_owned(), vec![]));
    // Beside the program, and in `.debug` below it.
    fs::create_dir(fixture.path(".debug")).unwrap();
    fs::rename(fixture.path("a.debug"), fixture.path(".debug/a.debug")).unwrap();
    assert_eq!(names(&fixture.mapped("a"), work), ("work:1".to_owned(), vec![]));
    // One more byte at the end, and it is another file.
    let mut bytes = fs::read(fixture.path(".debug/a.debug")).unwrap();
    bytes.push(0);
    fs::write(fixture.path(".debug/a.debug"), bytes).unwrap();
    let (name, warnings) = names(&fixture.mapped("a"), work);
    assert_eq!(name, format!("a+{work:#x}:0"));
    assert_eq!(warnings, ["the debug file has a different checksum"]);
}

#[test]
fn by_build_id_below_the_root_of_the_process() {
    let (fixture, work) = split(&["-Wl,--build-id"]);
    let mut file = fixture.mapped("a");
    let path = crate::name::ask::files::build_id_path(file.build_id.as_ref().unwrap()).unwrap();
    let inside = fixture.directory.path().join("root").join(path.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::rename(fixture.path("a.debug"), &inside).unwrap();
    assert_eq!(names(&file, work).0, format!("a+{work:#x}:0"));
    file.root = Some(Arc::new(File::open(fixture.path("root")).unwrap()));
    assert_eq!(names(&file, work), ("work:1".to_owned(), vec![]));

    // A link out of the root leads nowhere.
    fs::rename(&inside, fixture.path("outside.debug")).unwrap();
    std::os::unix::fs::symlink(fixture.path("outside.debug"), &inside).unwrap();
    assert_eq!(names(&file, work).0, format!("a+{work:#x}:0"));
}

#[test]
fn a_debug_file_with_another_build_id_is_refused() {
    let (fixture, work) = split(&["-Wl,--build-id"]);
    let (other, _) = split(&["-Wl,--build-id", "-DOTHER", "-O0"]);
    let mut file = fixture.mapped("a");
    let path = crate::name::ask::files::build_id_path(file.build_id.as_ref().unwrap()).unwrap();
    let inside = fixture.directory.path().join("root").join(path.strip_prefix("/").unwrap());
    fs::create_dir_all(inside.parent().unwrap()).unwrap();
    fs::copy(other.path("a.debug"), &inside).unwrap();
    file.root = Some(Arc::new(File::open(fixture.path("root")).unwrap()));
    let (name, warnings) = names(&file, work);
    assert_eq!(name, format!("a+{work:#x}:0"));
    assert_eq!(warnings, ["the debug file has a different build ID"]);
}

#[test]
fn a_fifo_in_place_of_a_debug_file_is_passed_over() {
    let (fixture, work) = split(&["-Wl,--build-id=none"]);
    fixture.run("objcopy", &["--add-gnu-debuglink=a.debug", "a"]);
    fs::remove_file(fixture.path("a.debug")).unwrap();
    fixture.run("mkfifo", &["a.debug"]);
    assert_eq!(names(&fixture.mapped("a"), work).0, format!("a+{work:#x}:0"));
}

#[test]
fn compressed_sections_are_read() {
    for kind in ["zlib", "zstd"] {
        let fixture = Fixture::new("a.c", C);
        fixture.run("gcc", &["-O2", "-g", "-o", "a", "a.c"]);
        let work = fixture.address("a", "work");
        let flag = format!("--compress-debug-sections={kind}");
        let mut tool = std::process::Command::new("objcopy");
        tool.args([&flag, "a"]).current_dir(fixture.directory.path());
        let done = tool.output().unwrap().status.success();
        // Old binutils know zlib only.
        assert!(done || kind == "zstd");
        assert_eq!(names(&fixture.mapped("a"), work), ("work:1".to_owned(), vec![]));
    }
}

#[test]
fn the_small_table_inside_a_stripped_file() {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &["-O2", "-o", "a", "a.c"]);
    let work = fixture.address("a", "work");
    fixture.run("objcopy", &["--only-keep-debug", "a", "mini"]);
    fixture.run("xz", &["mini"]);
    fixture.run("strip", &["a"]);
    fixture.run("objcopy", &["--add-section", ".gnu_debugdata=mini.xz", "a"]);
    assert_eq!(names(&fixture.mapped("a"), work), ("work:0".to_owned(), vec![]));
    fs::write(fixture.path("bad"), b"not xz").unwrap();
    fixture.run("objcopy", &["--update-section", ".gnu_debugdata=bad", "a"]);
    let (name, warnings) = names(&fixture.mapped("a"), work);
    assert_eq!(name, format!("a+{work:#x}:0"));
    assert_eq!(warnings, [".gnu_debugdata is malformed or too large"]);
}

#[test]
fn two_files_with_one_build_id_are_told() {
    use crate::Symbolize;
    let fixture = Fixture::new("a.c", C);
    let id = "-Wl,--build-id=0x00112233445566778899aabbccddeeff00112233";
    fixture.run("gcc", &["-O2", id, "-o", "a", "a.c"]);
    fixture.run("gcc", &["-O0", id, "-o", "b", "a.c"]);
    fs::copy(fixture.path("a"), fixture.path("copy")).unwrap();
    let mut symbolizer = local();
    symbolizer.file(&fixture.mapped("a"), &[0x1000]);
    symbolizer.file(&fixture.mapped("copy"), &[0x1000]);
    assert_eq!(symbolizer.warnings(), []);
    symbolizer.file(&fixture.mapped("b"), &[0x1000]);
    let warnings = symbolizer.warnings();
    assert_eq!(warnings.len(), 1);
    assert_eq!(warnings[0].what, "another file carries the same build ID");
    assert!(warnings[0].file.ends_with("/b"));
}

#[test]
fn by_build_id_alone() {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &["-O2", "-g", "-Wl,--build-id", "-o", "a", "a.c"]);
    let (work, file) = (fixture.address("a", "work"), fixture.mapped("a"));
    let id = file.build_id.clone().unwrap();
    let mut symbolizer = local();
    let names = symbolizer.by_build_id(&id, &file.path, &[work]).unwrap();
    assert_eq!(chain(&names[0]), "work");
    // The file at the path is another one.
    assert_eq!(symbolizer.by_build_id(&[1; 20], &file.path, &[work]), None);
}
