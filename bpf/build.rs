//! Compiles the BPF programs and generates their skeleton.

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
    ];
    for program in ["sampler", "names"] {
        SkeletonBuilder::new()
            .source(format!("src/kernel/{program}.bpf.c"))
            .clang_args(&arguments)
            .build_and_generate(out.join(format!("{program}.skel.rs")))?;
    }
    Ok(())
}
