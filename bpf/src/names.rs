//! Names of kernel code, from the kernel itself.
//!
//! The file `/proc/kallsyms` has all names, but the kernel makes its text again for each reader, which takes tens of milliseconds. Asking
//! for the few needed addresses takes microseconds each.

use crate::Error;
use crate::skeleton::names::NamesSkelBuilder;
use libbpf_rs::ProgramInput;
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use std::io;
use std::mem::MaybeUninit;

/// The kernel's own text for each address: `function+0x10/0x40`, followed by ` [module]` if the function is in a module
/// (`[bpf]` for BPF programs); `0x…` if the address is in no function. The helper `bpf_snprintf` makes it with `%pS`.
///
/// # Errors
/// The kernel is older than 5.14, or the process may not load BPF programs.
pub fn kernel_names(addresses: &[u64]) -> Result<Vec<String>, Error> {
    libbpf_rs::set_print(None);
    let failed = |e: libbpf_rs::Error| Error::Failed {
        step: "asking the kernel for names",
        source: io::Error::other(e),
    };
    let mut place = MaybeUninit::uninit();
    let mut skeleton =
        NamesSkelBuilder::default().open(&mut place).map_err(failed)?.load().map_err(failed)?;
    let mut names = Vec::with_capacity(addresses.len());
    let batch = skeleton.maps.bss_data.as_ref().map_or(1, |bss| bss.asked.len());
    for addresses in addresses.chunks(batch) {
        let bss = skeleton.maps.bss_data.as_mut().expect("the program has variables");
        bss.count = addresses.len() as u32;
        for (slot, &address) in bss.asked.iter_mut().zip(addresses) {
            (slot.address, slot.text[0]) = (address, 0);
        }
        skeleton.progs.print.test_run(ProgramInput::default()).map_err(failed)?;
        let bss = skeleton.maps.bss_data.as_ref().expect("the program has variables");
        names.extend(bss.asked.iter().zip(addresses).map(|(slot, _)| text(&slot.text)));
    }
    Ok(names)
}

/// A text that ends with a zero byte.
fn text(bytes: &[std::ffi::c_char]) -> String {
    let bytes: Vec<u8> =
        bytes.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8).collect();
    String::from_utf8_lossy(&bytes).into_owned()
}
