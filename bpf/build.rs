//! Compiles the BPF programs and generates their skeleton; with the feature `native-walk` it compiles them for this
//! machine too.

use libbpf_cargo::SkeletonBuilder;
use std::env;
use std::ffi::OsString;
use std::path::PathBuf;

/// The kernel's name for the CPU architecture that the programs are compiled for.
fn architecture() -> &'static str {
    match env::var("CARGO_CFG_TARGET_ARCH").as_deref() {
        Ok("aarch64") => "arm64",
        _ => "x86",
    }
}

/// The sampling program for this machine, with stand-ins for the kernel. What C leaves undefined ends the process; an
/// array's end is not looked at, because a log's words go on behind it: the maps have walls instead.
#[cfg(feature = "native-walk")]
fn compile_natively() {
    println!("cargo:rerun-if-changed=src/native");
    let mut build = cc::Build::new();
    build
        .compiler("clang")
        .file("src/native/native.c")
        .include("src/native/include")
        .include("src/kernel")
        .define(&format!("__TARGET_ARCH_{}", architecture()), None)
        .opt_level(1)
        .debug(true)
        .warnings_into_errors(true)
        .flags(["-Wno-sign-compare", "-Wno-unknown-attributes"])
        .flags(["-fsanitize=undefined", "-fsanitize-trap=undefined"])
        .flag("-fno-sanitize=alignment,bounds");
    if env::var("CARGO_CFG_SANITIZE").is_ok_and(|of| of.split(',').any(|one| one == "address")) {
        build.flag("-fsanitize=address");
    }
    if env::var_os("CARGO_CFG_FUZZING").is_some() {
        build.flag("-fsanitize=fuzzer-no-link");
    }
    build.compile("native");
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo:rerun-if-changed=src/kernel");
    println!("cargo:rerun-if-env-changed=BPFLAME_BPF_ARCH");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("OUT_DIR is not set")?);
    let arch = env::var("BPFLAME_BPF_ARCH").unwrap_or_else(|_| architecture().to_owned());
    let arguments = [
        OsString::from(format!("-D__TARGET_ARCH_{arch}")),
        OsString::from("-Wall"),
        OsString::from("-Wextra"),
        OsString::from("-Werror"),
        OsString::from("-Wno-sign-compare"),
        OsString::from("-mcpu=v3"),
        OsString::from("-Isrc/kernel"),
    ];
    for program in ["sampler", "names"] {
        SkeletonBuilder::new()
            .source(format!("src/kernel/{program}.bpf.c"))
            .clang_args(&arguments)
            .build_and_generate(out.join(format!("{program}.skel.rs")))?;
    }
    #[cfg(feature = "native-walk")]
    compile_natively();
    Ok(())
}
