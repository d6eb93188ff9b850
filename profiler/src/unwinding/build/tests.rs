//! Files as compilers make them.

use super::*;
use bpf::unwind::rule::{Cfa, Restore, Rule, RuleTrust, registers};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The assembly has no rules. The code that returns from a signal looks like a function without a frame.
const PROGRAM: &str = r#"
void from_signal(void), plain(void);
asm(".text\nint3\n.p2align 4\n.globl from_signal\nfrom_signal: mov $15, %eax\nsyscall\n"
    ".p2align 4\n.globl plain\nplain: push %rbx\nxor %eax, %eax\npop %rbx\nret\n.p2align 4\n");
void *volatile handler;
void _start(void) { handler = from_signal; plain(); for (;;) ; }
"#;

struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn run(&self, program: &str, arguments: &[&str]) -> String {
        let mut command = Command::new(program);
        let output = command.args(arguments).current_dir(self.0.path()).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).unwrap()
    }

    /// Compiles the program with no library.
    fn compile(&self, options: &[&str]) -> PathBuf {
        fs::write(self.0.path().join("a.c"), PROGRAM).unwrap();
        let always = ["-O1", "-fno-pie", "-static", "-nostdlib", "-o", "a", "a.c"];
        self.run("gcc", &[&always, options].concat());
        self.0.path().join("a")
    }

    /// Builds one of the programs to record.
    fn make(&self, program: &str) -> PathBuf {
        let programs = concat!(env!("CARGO_MANIFEST_DIR"), "/../testdata/programs");
        let out = format!("OUT={}", self.0.path().display());
        self.run("make", &["-s", "-C", programs, program, &out]);
        self.0.path().join(program)
    }

    fn address(&self, file: &Path, name: &str) -> u64 {
        self.function(file, name).start
    }

    fn function(&self, file: &Path, name: &str) -> Range<u64> {
        let symbols = self.run("nm", &["-S", file.to_str().unwrap()]);
        let line = symbols.lines().find(|line| line.ends_with(&format!(" {name}"))).unwrap();
        let mut numbers = line.split(' ').map_while(|word| u64::from_str_radix(word, 16).ok());
        let start = numbers.next().unwrap();
        start..start + numbers.next().unwrap_or(0)
    }
}

/// The executable segments, by their program headers.
fn code(bytes: &[u8]) -> Vec<Range<u64>> {
    let word = |at: usize| u64::from_le_bytes(bytes[at..at + 8].try_into().unwrap());
    let headers = (0..usize::from(bytes[56])).map(|index| word(32) as usize + 56 * index);
    let executable = headers.filter(|&at| word(at) == 1 | 5 << 32);
    executable.map(|at| word(at + 16)..word(at + 16) + word(at + 40)).collect()
}

fn built(path: &Path) -> Built {
    table(&fs::File::open(path).unwrap(), &code(&fs::read(path).unwrap()), Depth::Code)
}

fn rules(path: &Path) -> Box<Table> {
    match built(path) {
        Built::Table { table, .. } => table,
        Built::NoRules | Built::TooLarge => panic!("{} has rules", path.display()),
    }
}

fn height(rule: Option<Rule>) -> Option<(i32, RuleTrust)> {
    let Rule { cfa: Cfa::Register { register, offset }, trust, .. } = rule? else { return None };
    (register == registers::STACK_POINTER).then_some((offset, trust))
}

#[test]
fn the_vdso_has_rules() {
    assert!(vdso().unwrap().rows().len() > 2);
}

/// gcc's own rule there is that of the function's body: rbp is saved where rbp points. But rbp is the caller's again.
#[test]
fn the_return_of_an_aligned_function_has_the_caller_s_frame_pointer() {
    let files = Files::new();
    let path = files.make("known");
    let Range { start, end } = files.function(&path, "aligned_with_arguments");
    let table = rules(&path);
    let bare = Rule::of(Cfa::Register { register: registers::STACK_POINTER, offset: 8 });
    assert_eq!(table.look_up(end - 1), Some(bare));
    let body = table.look_up(start + (end - start) / 2).unwrap();
    assert_eq!(body.fp, Restore::AtFramePointer(0), "as it was");
}

#[test]
fn assembly_without_rules_gets_some() {
    let files = Files::new();
    let path = files.make("assembly");
    let places = [("leaf", 0), ("pushes", 4), ("main", 0)];
    let places = places.map(|(name, offset)| files.address(&path, name) + offset);
    let heights = || places.map(|place| height(rules(&path).look_up(place)));
    // In `pushes` behind those of rbx, rbp and r12.
    let synthesised = [8, 32].map(|height| Some((height, RuleTrust::Synthesised)));
    let expected = [synthesised[0], synthesised[1], Some((8, RuleTrust::Rule))];
    assert_eq!(heights(), expected);
    files.run("strip", &["assembly"]);
    assert_eq!(heights(), expected, "without symbols");
}

#[test]
fn code_that_spans_four_gibibytes_is_too_large() {
    let own = fs::File::open("/proc/self/exe").unwrap();
    let code = [0x1000..0x2000, 0x1_0000_2000..0x1_0000_3000];
    assert!(matches!(table(&own, &code, Depth::Tables), Built::TooLarge));
    assert!(!matches!(table(&own, &code[..1], Depth::Tables), Built::TooLarge));
}

#[test]
fn more_code_than_assembly_is_walked_by_frame_pointer_where_it_sets_them_up() {
    let files = Files::new();
    let build = |begin: &str| {
        let source = format!(
            ".globl _start, many\n_start: .cfi_startproc\nret\n.cfi_endproc\n.p2align 9, 0xcc\nmany:\n\
            .rept 36864\n{begin}\n.skip 480, 0x90\nret\n.p2align 9, 0xcc\n.endr\n"
        );
        fs::write(files.0.path().join("a.s"), source).unwrap();
        files.run("gcc", &["-static", "-nostdlib", "-no-pie", "-o", "a", "a.s"]);
        let path = files.0.path().join("a");
        let place = files.address(&path, "many") + 512 * 1000;
        let code = code(&fs::read(&path).unwrap());
        let Built::Table { table, more, .. } =
            table(&fs::File::open(&path).unwrap(), &code, Depth::Tables)
        else {
            panic!("it has rules");
        };
        (table.look_up(place), more)
    };
    assert_eq!(build("push %rbp\nmov %rsp, %rbp"), (Some(Rule::FRAME_POINTER), false));
    assert_eq!(build("push %rbp\nmov %rdi, %rbp").0, None);
}

#[test]
fn a_file_without_tables_has_no_rules() {
    let path = Files::new();
    let path = path.compile(&["-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]);
    assert!(matches!(built(&path), Built::NoRules));
}

#[test]
fn the_tables_of_debuggers_do_where_there_are_no_others() {
    let files = Files::new();
    let path = files.compile(&["-g", "-fno-asynchronous-unwind-tables", "-fno-unwind-tables"]);
    let table = rules(&path);
    let at = |name: &str| height(table.look_up(files.address(&path, name)));
    assert_eq!(at("_start"), Some((8, RuleTrust::Rule)));
    assert_eq!(at("plain"), Some((8, RuleTrust::Synthesised)));
}

#[test]
fn what_returns_from_a_signal_is_no_function() {
    let files = Files::new();
    let path = files.compile(&[]);
    let (table, place) = (rules(&path), files.address(&path, "from_signal"));
    assert_eq!(table.look_up(place), Some(Rule::SIGNAL_FRAME));
    assert_eq!(
        table.look_up(place - 1),
        Some(Rule::SIGNAL_FRAME),
        "as return addresses are looked up"
    );
    assert_eq!(
        height(table.look_up(files.address(&path, "plain"))),
        Some((8, RuleTrust::Synthesised))
    );
}

#[test]
fn the_code_that_a_program_starts_with_has_no_caller() {
    let files = Files::new();
    let path = files.compile(&["-Wl,--entry=plain"]);
    let (table, entry) = (rules(&path), files.address(&path, "plain"));
    assert_eq!(table.look_up(entry), Some(Rule::END));
    let own = files.compile(&["-Wl,--entry=_start"]);
    assert_eq!(
        height(rules(&own).look_up(files.address(&own, "_start"))),
        Some((8, RuleTrust::Rule))
    );
}

#[test]
fn a_file_that_is_cut_off_or_spoilt_does_no_harm() {
    let files = Files::new();
    let bytes = fs::read(files.compile(&["-g"])).unwrap();
    let code = code(&bytes);
    for len in (0..bytes.len()).step_by(61) {
        let _ = build(Bytes::Memory(&bytes[..len]), &code, Depth::Code);
    }
    for at in (0..bytes.len().min(0x200)).chain(bytes.len() - 0x300..bytes.len()) {
        let mut spoilt = bytes.clone();
        spoilt[at] ^= 0xff;
        let _ = build(Bytes::Memory(&spoilt), &code, Depth::Code);
    }
}
