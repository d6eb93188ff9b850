//! A program that is traced: how it goes on, its registers, its mappings and its memory.

use bpf::native::Registers;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command};

/// A program, stopped. It is killed when this is dropped.
pub(crate) struct Traced {
    child: Child,
    memory: File,
}

/// A line of its map.
pub(crate) struct Map {
    pub(crate) range: Range<u64>,
    pub(crate) executable: bool,
    /// A path, a name in brackets, or nothing.
    pub(crate) of: String,
}

impl Traced {
    /// Starts a program, with its addresses where they always are; it stops before its first instruction.
    pub(crate) fn start(program: &Path, argument: &str) -> io::Result<Self> {
        let mut command = Command::new(program);
        command.arg(argument).env_clear();
        // SAFETY: only system calls are made between fork and exec.
        unsafe {
            command.pre_exec(|| {
                libc::personality(libc::ADDR_NO_RANDOMIZE as libc::c_ulong);
                match libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0) {
                    0 => Ok(()),
                    _ => Err(io::Error::last_os_error()),
                }
            });
        }
        let child = command.spawn()?;
        let memory = File::open(format!("/proc/{}/mem", child.id()))?;
        let traced = Self { child, memory };
        traced.wait()?;
        Ok(traced)
    }

    fn pid(&self) -> libc::pid_t {
        self.child.id() as libc::pid_t
    }

    /// The signal with which it stops.
    fn wait(&self) -> io::Result<libc::c_int> {
        let mut status = 0;
        // SAFETY: the status has a place.
        unsafe { libc::waitpid(self.pid(), &raw mut status, 0) };
        if libc::WIFSTOPPED(status) {
            return Ok(libc::WSTOPSIG(status));
        }
        Err(io::Error::other("the program ended"))
    }

    /// Goes on to the next breakpoint instruction.
    pub(crate) fn resume(&self) -> io::Result<()> {
        let mut signal = 0;
        loop {
            // SAFETY: touches no memory of ours.
            let went = unsafe { libc::ptrace(libc::PTRACE_CONT, self.pid(), 0, signal) };
            if went != 0 {
                return Err(io::Error::last_os_error());
            }
            signal = self.wait()?;
            if signal == libc::SIGTRAP {
                return Ok(());
            }
        }
    }

    pub(crate) fn registers(&self) -> io::Result<Registers> {
        // SAFETY: plain numbers.
        let mut all: libc::user_regs_struct = unsafe { std::mem::zeroed() };
        // SAFETY: there is room for the registers.
        let read = unsafe { libc::ptrace(libc::PTRACE_GETREGS, self.pid(), 0, &raw mut all) };
        if read != 0 {
            return Err(io::Error::last_os_error());
        }
        let libc::user_regs_struct { rip: ip, rsp: sp, rbp: fp, rbx: spare, r10: realign, .. } =
            all;
        Ok(Registers { ip, sp, fp, spare, realign })
    }

    pub(crate) fn maps(&self) -> io::Result<Vec<Map>> {
        let text = std::fs::read_to_string(format!("/proc/{}/maps", self.child.id()))?;
        let map = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            let (start, end) = words.first()?.split_once('-')?;
            let number = |text| u64::from_str_radix(text, 16).ok();
            Some(Map {
                range: number(start)?..number(end)?,
                executable: words.get(1)?.contains('x'),
                of: words.get(5).unwrap_or(&"").to_string(),
            })
        };
        Ok(text.lines().filter_map(map).collect())
    }

    pub(crate) fn read(&self, range: &Range<u64>) -> io::Result<Vec<u8>> {
        let mut bytes = vec![0; (range.end - range.start) as usize];
        self.memory.read_exact_at(&mut bytes, range.start)?;
        Ok(bytes)
    }
}

impl Drop for Traced {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
