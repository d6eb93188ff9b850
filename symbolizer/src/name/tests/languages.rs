//! C++ and Rust: demangled for the reader, the linkage name beside it.

use super::{Fixture, chain, name};

const RUST: &str = "
mod inner {
    pub struct Thing;
    impl Thing {
        #[inline(never)]
        pub fn work(&self, n: u64) -> u64 { std::hint::black_box(n) * 3 }
    }
}
fn main() { println!(\"{}\", inner::Thing.work(std::env::args().count() as u64)); }
";

/// The linkage name in the symbol table that contains `part`.
fn linkage(fixture: &Fixture, file: &str, part: &str) -> String {
    let output = std::process::Command::new("nm").arg(fixture.path(file)).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split_whitespace().find(|word| word.contains(part)).unwrap().to_owned()
}

#[test]
fn rust_names_of_both_kinds_are_demangled() {
    for version in ["v0", "legacy"] {
        let fixture = Fixture::new("r.rs", RUST);
        let kind = format!("-Csymbol-mangling-version={version}");
        let flags = ["r.rs", "-o", "r", &kind];
        for debug in ["-g", "-Cdebuginfo=0", "-Cdebuginfo=line-tables-only"] {
            let mut command = std::process::Command::new("rustc");
            command.args(flags).arg(debug);
            if version == "legacy" {
                // Stable compilers only know the old names by this back door.
                command.arg("-Zunstable-options").env("RUSTC_BOOTSTRAP", "1");
            }
            let output = command.current_dir(fixture.directory.path()).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let symbol = linkage(&fixture, "r", "5Thing4work");
            let named = name(&fixture.mapped("r"), fixture.address("r", &symbol) + 4);
            let outer = named.lines.last().unwrap();
            assert_eq!(&*outer.system_name, symbol, "{debug}");
            // Legacy names keep no type, and their hash is dropped.
            let expected =
                if version == "v0" { "<r::inner::Thing>::work" } else { "r::inner::Thing::work" };
            assert_eq!(&*outer.name, expected, "{debug}");
            assert_eq!(outer.line > 0, debug != "-Cdebuginfo=0");
        }
    }
}

#[test]
fn cpp_names_are_demangled() {
    let source = "namespace space { template <class T> struct Box {\n\
        __attribute__((noinline)) T take(T t) { return t + (T)__builtin_frame_address(0) ; } }; }\n\
        int main(int n, char **) { return (int)space::Box<long>().take(n); }";
    let fixture = Fixture::new("a.cc", source);
    for flags in [&["-g"][..], &[]] {
        fixture.run("g++", &[&["-O1", "-o", "a", "a.cc"], flags].concat());
        let symbol = linkage(&fixture, "a", "3BoxIlE4take");
        let named = name(&fixture.mapped("a"), fixture.address("a", &symbol));
        assert_eq!(chain(&named), "space::Box<long>::take(long)");
        assert_eq!(&*named.lines[0].system_name, symbol);
    }
}
