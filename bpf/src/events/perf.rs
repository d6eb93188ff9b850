//! Perf events, one on each CPU.

use super::event::Rate;
use super::source::Source;
use crate::Error;
use libbpf_rs::libbpf_sys::{BPF_PERF_EVENT, bpf_link_create, bpf_link_create_opts};
use perf_event_open_sys::bindings as perf;
use perf_event_open_sys::{ioctls, perf_event_open};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// A perf event on one CPU, closed when dropped.
#[derive(Debug)]
pub(crate) struct PerfEvent {
    /// The link that attaches a program. It is closed first.
    link: Option<OwnedFd>,
    fd: OwnedFd,
    /// The enabled time at the last look.
    looked_at: u64,
}

/// The figures of a counting event.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The count, in the event's unit.
    pub(crate) value: u64,
    /// The nanoseconds in which it was enabled.
    pub(crate) enabled: u64,
    /// The nanoseconds in which it counted.
    pub(crate) running: u64,
}

impl PerfEvent {
    /// Opens the described event for all tasks of a CPU.
    pub(crate) fn open(attr: &mut perf::perf_event_attr, cpu: u32) -> io::Result<Self> {
        attr.size = size_of::<perf::perf_event_attr>() as u32;
        attr.read_format =
            (perf::PERF_FORMAT_TOTAL_TIME_ENABLED | perf::PERF_FORMAT_TOTAL_TIME_RUNNING).into();
        let cpu = i32::try_from(cpu).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: `attr` is valid and its size is set; the call touches no other memory of this process.
        let fd = unsafe { perf_event_open(attr, -1, cpu, -1, perf::PERF_FLAG_FD_CLOEXEC.into()) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel has just returned this descriptor; nobody else has it.
        Ok(Self { link: None, fd: unsafe { OwnedFd::from_raw_fd(fd) }, looked_at: 0 })
    }

    /// Opens a disabled event that samples all tasks of a CPU.
    pub(crate) fn sampling(of: &Source, cpu: u32) -> io::Result<Self> {
        let mut attr = perf::perf_event_attr {
            type_: of.number.kind,
            config: of.number.config,
            ..perf::perf_event_attr::default()
        };
        match of.event.rate {
            Rate::Hertz(hertz) => {
                attr.set_freq(1);
                attr.__bindgen_anon_1.sample_freq = hertz.into();
            }
            Rate::Every(count) => attr.__bindgen_anon_1.sample_period = count,
        }
        if let Some((file, offset)) = &of.number.place {
            attr.__bindgen_anon_3.config1 = file.as_ptr() as u64;
            attr.__bindgen_anon_4.config2 = *offset;
        }
        attr.set_disabled(1);
        Self::open(&mut attr, cpu)
    }

    /// Runs a program at every overflow and passes it a number (5.15).
    pub(crate) fn attach(&mut self, program: BorrowedFd<'_>, number: u64) -> io::Result<()> {
        let mut options = bpf_link_create_opts {
            sz: size_of::<bpf_link_create_opts>() as u64,
            ..bpf_link_create_opts::default()
        };
        options.__bindgen_anon_1.perf_event.bpf_cookie = number;
        let (program, event) = (program.as_raw_fd(), self.fd.as_raw_fd());
        // SAFETY: both descriptors are open. `options` is valid and has the size that it states.
        let link = unsafe { bpf_link_create(program, event, BPF_PERF_EVENT, &raw const options) };
        if link < 0 {
            return Err(io::Error::from_raw_os_error(-link));
        }
        // SAFETY: the kernel has just returned this descriptor; nobody else has it.
        self.link = Some(unsafe { OwnedFd::from_raw_fd(link) });
        Ok(())
    }

    /// Runs a program at every overflow.
    pub(crate) fn attach_without_number(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        let program = u32::try_from(program.as_raw_fd())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: both descriptors are open.
        check(unsafe { ioctls::SET_BPF(self.fd.as_raw_fd(), program) })
    }

    pub(crate) fn enable(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open.
        check(unsafe { ioctls::ENABLE(self.fd.as_raw_fd(), 0) })
    }

    /// Disables the event. After the return, it causes no more samples.
    pub(crate) fn disable(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open.
        check(unsafe { ioctls::DISABLE(self.fd.as_raw_fd(), 0) })
    }

    /// Whether the event was enabled since the last look. A CPU that goes offline ends its events for good, even if it
    /// comes back before the next look.
    pub(crate) fn went_on(&mut self) -> bool {
        let before = self.looked_at;
        self.looked_at = self.read().map_or(before, |r| r.enabled);
        self.looked_at > before
    }

    pub(crate) fn read(&self) -> io::Result<Reading> {
        let mut words = [0_u64; 3];
        // SAFETY: `words` is as large as stated.
        let n = unsafe {
            libc::read(self.fd.as_raw_fd(), words.as_mut_ptr().cast(), size_of_val(&words))
        };
        match n {
            24 => Ok(Reading { value: words[0], enabled: words[1], running: words[2] }),
            0.. => Err(io::Error::from(io::ErrorKind::UnexpectedEof)),
            _ => Err(io::Error::last_os_error()),
        }
    }
}

impl AsFd for PerfEvent {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn check(answer: i32) -> io::Result<()> {
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The cause of a refused perf event. A frequency of 0 means that there is none.
pub(crate) fn explain(error: io::Error, frequency: u32) -> Error {
    let limit = || {
        std::fs::read_to_string("/proc/sys/kernel/perf_event_max_sample_rate")
            .ok()?
            .trim()
            .parse()
            .ok()
    };
    match error.raw_os_error() {
        Some(libc::EINVAL) => match limit() {
            Some(limit) if u64::from(frequency) > limit => Error::Rate { limit },
            _ => Error::Failed { step: "opening a perf event", source: error },
        },
        Some(libc::ENOSYS) => {
            Error::Kernel { lacks: "perf events (CONFIG_PERF_EVENTS)".to_owned() }
        }
        _ => crate::capability::refused("opening a perf event", error),
    }
}
