//! Perf events: the ones that sample, and the ones that bring side-band records.

use crate::{Error, Unit};
use perf_event_open_sys::bindings as perf;
use perf_event_open_sys::{ioctls, perf_event_open};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// The trigger of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Trigger {
    /// The CPU's cycle counter.
    Cycles,
    /// A timer.
    CpuClock,
}

impl Trigger {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Cycles => "cycles",
            Self::CpuClock => "cpu-clock",
        }
    }

    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Cycles => Unit::Cycles,
            Self::CpuClock => Unit::Nanoseconds,
        }
    }
}

/// A perf event on one CPU, closed when dropped.
#[derive(Debug)]
pub(crate) struct PerfEvent {
    fd: OwnedFd,
    /// Its enabled time when it was last looked at.
    looked_at: u64,
}

/// A counting event's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    /// The count, in the event's unit.
    pub(crate) value: u64,
    /// Nanoseconds that it was enabled.
    pub(crate) enabled: u64,
    /// Nanoseconds that it counted.
    pub(crate) running: u64,
}

impl PerfEvent {
    fn open(attr: &mut perf::perf_event_attr, cpu: u32) -> io::Result<Self> {
        attr.size = size_of::<perf::perf_event_attr>() as u32;
        attr.read_format =
            (perf::PERF_FORMAT_TOTAL_TIME_ENABLED | perf::PERF_FORMAT_TOTAL_TIME_RUNNING).into();
        let cpu = i32::try_from(cpu).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: `attr` is valid and its size is set; the call touches nothing else of ours.
        let fd = unsafe { perf_event_open(attr, -1, cpu, -1, perf::PERF_FLAG_FD_CLOEXEC.into()) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the kernel just gave us this descriptor; nobody else has it.
        Ok(Self { fd: unsafe { OwnedFd::from_raw_fd(fd) }, looked_at: 0 })
    }

    /// A disabled event that samples all tasks of a CPU, `frequency` times a second.
    pub(crate) fn sampling(trigger: Trigger, frequency: u32, cpu: u32) -> io::Result<Self> {
        let mut attr = perf::perf_event_attr::default();
        (attr.type_, attr.config) = match trigger {
            Trigger::Cycles => (perf::PERF_TYPE_HARDWARE, perf::PERF_COUNT_HW_CPU_CYCLES.into()),
            Trigger::CpuClock => (perf::PERF_TYPE_SOFTWARE, perf::PERF_COUNT_SW_CPU_CLOCK.into()),
        };
        attr.set_freq(1);
        attr.__bindgen_anon_1.sample_freq = frequency.into();
        attr.set_disabled(1);
        Self::open(&mut attr, cpu)
    }

    /// A disabled event that counts nothing, but records mappings, names, forks and exits on a CPU. It wakes its waiters after this many
    /// bytes of records.
    pub(crate) fn side_band(cpu: u32, wake_after: u32) -> io::Result<Self> {
        let mut attr = perf::perf_event_attr {
            type_: perf::PERF_TYPE_SOFTWARE,
            config: perf::PERF_COUNT_SW_DUMMY.into(),
            sample_type: (perf::PERF_SAMPLE_TID | perf::PERF_SAMPLE_TIME).into(),
            clockid: libc::CLOCK_MONOTONIC,
            ..perf::perf_event_attr::default()
        };
        attr.set_use_clockid(1);
        attr.set_sample_id_all(1);
        attr.set_mmap(1);
        attr.set_mmap2(1);
        attr.set_comm(1);
        attr.set_comm_exec(1);
        attr.set_task(1);
        attr.set_disabled(1);
        attr.set_watermark(1);
        attr.__bindgen_anon_2.wakeup_watermark = wake_after;
        Self::open(&mut attr, cpu)
    }

    /// Runs a program at every overflow.
    pub(crate) fn attach(&self, program: BorrowedFd<'_>) -> io::Result<()> {
        let program = u32::try_from(program.as_raw_fd())
            .map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
        // SAFETY: both descriptors are open.
        check(unsafe { ioctls::SET_BPF(self.fd.as_raw_fd(), program) })
    }

    pub(crate) fn enable(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open.
        check(unsafe { ioctls::ENABLE(self.fd.as_raw_fd(), 0) })
    }

    /// Disables the event. After the return, it triggers no more samples.
    pub(crate) fn disable(&self) -> io::Result<()> {
        // SAFETY: the descriptor is open.
        check(unsafe { ioctls::DISABLE(self.fd.as_raw_fd(), 0) })
    }

    /// Whether the event was on since the last look. A CPU that goes offline ends its events for good, even if it
    /// is back before anyone looks.
    pub(crate) fn went_on(&mut self) -> bool {
        let before = self.looked_at;
        self.looked_at = self.read().map_or(before, |r| r.enabled);
        self.looked_at > before
    }

    pub(crate) fn read(&self) -> io::Result<Reading> {
        let mut words = [0_u64; 3];
        // SAFETY: `words` is as large as said.
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

/// `cycles` if a CPU counts them, else the timer.
pub(crate) fn best_trigger(frequency: u32, cpu: u32) -> Result<Trigger, Error> {
    match PerfEvent::sampling(Trigger::Cycles, frequency, cpu) {
        Ok(_) => Ok(Trigger::Cycles),
        Err(e) if e.raw_os_error() == Some(libc::EINVAL) => {
            // A frequency above the limit gives the same answer with any event.
            PerfEvent::sampling(Trigger::CpuClock, frequency, cpu)
                .map_err(|e| explain(e, frequency))?;
            Ok(Trigger::CpuClock)
        }
        // No counter of cycles, or none that overflows.
        Err(e)
            if matches!(e.raw_os_error(), Some(libc::ENOENT | libc::EOPNOTSUPP | libc::ENODEV)) =>
        {
            Ok(Trigger::CpuClock)
        }
        Err(e) => Err(explain(e, frequency)),
    }
}

/// The cause behind a refused perf event.
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
