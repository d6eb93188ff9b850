//! Parses single values: durations, CPUs, processes, threads, sizes.

use std::time::Duration;

/// A time above zero, such as `10`, `10s`, `1m`, `1.5h` or `500ms`.
pub(crate) fn duration(text: &str) -> Result<Duration, String> {
    let unit_at = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let seconds = match unit {
        "" | "s" => 1.0,
        "ms" => 0.001,
        "m" => 60.0,
        "h" => 3600.0,
        _ => return Err(format!("`{unit}` is not a unit of time; use ms, s, m or h, as in 10s")),
    };
    let number: f64 =
        number.parse().map_err(|_| String::from("write a duration as 10, 10s, 1m or 500ms"))?;
    match Duration::try_from_secs_f64(number * seconds) {
        Ok(time) if time.is_zero() => Err(String::from("a duration must be above zero")),
        Ok(time) if time > Duration::from_secs(366 * 24 * 3600) => {
            Err(String::from("the duration is longer than a year"))
        }
        Ok(time) => Ok(time),
        Err(_) => Err(String::from("write a duration as 10, 10s, 1m or 500ms")),
    }
}

/// The highest CPU number accepted in a list.
const MAX_CPU: u32 = 8191;

/// A list of CPUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuList(pub Vec<u32>);

/// A list of CPUs such as `0-3,5`. The result is sorted and has each CPU once.
pub(crate) fn cpus(text: &str) -> Result<CpuList, String> {
    let wrong = || String::from("write a list of CPUs as 0-3,5");
    let number = |s: &str| s.parse::<u32>().map_err(|_| wrong());
    let mut list = Vec::new();
    for part in text.split(',') {
        let (first, last) = match part.split_once('-') {
            Some((first, last)) => (number(first)?, number(last)?),
            None => (number(part)?, number(part)?),
        };
        if first > last || last > MAX_CPU {
            return Err(wrong());
        }
        list.extend(first..=last);
    }
    list.sort_unstable();
    list.dedup();
    Ok(CpuList(list))
}

/// A process, as typed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// By its id.
    Pid(u32),
    /// Every process of this name.
    Name(String),
}

/// One item of `-p`: an id above zero, or a name.
pub(crate) fn wanted(text: &str) -> Result<Wanted, String> {
    if text.is_empty() {
        return Err(String::from("the process name is empty"));
    }
    if text.bytes().all(|b| b.is_ascii_digit()) {
        return id(text).map(Wanted::Pid);
    }
    Ok(Wanted::Name(text.to_owned()))
}

/// A process or thread id above zero.
pub(crate) fn id(text: &str) -> Result<u32, String> {
    match text.parse::<i32>() {
        Ok(id) if id > 0 => Ok(id as u32),
        _ => Err(format!("`{text}` is not a process or thread id")),
    }
}

/// A rate above zero, in hertz.
pub(crate) fn hertz(text: &str) -> Result<u32, String> {
    match text.parse::<u32>() {
        Ok(0) => Err(String::from("the rate must be above 0; the default is 99")),
        Ok(hertz) => Ok(hertz),
        Err(_) => Err(String::from("the rate is a whole number above 0, in samples per second")),
    }
}

/// A percentage of a graph's width: 0 or more, below 100.
pub(crate) fn width(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(width) if (0.0..100.0).contains(&width) => Ok(width),
        _ => Err(String::from("write a percentage from 0 to below 100, as in 0.1")),
    }
}

/// A label, `key=value`. Neither part may be empty.
pub(crate) fn label(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.is_empty() && !value.is_empty() => {
            Ok((key.to_owned(), value.to_owned()))
        }
        _ => Err(String::from("write a label as key=value")),
    }
}

/// The value of `--unwind`.
pub(super) fn unwind(text: &str) -> Result<bpf::Unwind, String> {
    match text {
        "auto" => Ok(bpf::Unwind::Auto),
        "fp" => Ok(bpf::Unwind::FramePointers),
        "dwarf" => Ok(bpf::Unwind::Rules),
        _ => Err(String::from("use auto, fp or dwarf")),
    }
}

/// Memory for unwind tables, in bytes: 2 MiB at least, 256 MiB at most.
pub(super) fn unwind_memory(text: &str) -> Result<usize, String> {
    let (digits, unit) = match text.strip_suffix(['M', 'm']) {
        Some(digits) => (digits, 1 << 20),
        None => match text.strip_suffix(['G', 'g']) {
            Some(digits) => (digits, 1 << 30),
            None => (text, 1),
        },
    };
    let bytes = digits.parse::<usize>().ok().and_then(|number| number.checked_mul(unit));
    bytes
        .filter(|bytes| (2 << 20..=256 << 20).contains(bytes))
        .ok_or_else(|| String::from("write a size from 2M to 256M"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unwind_memories() {
        assert_eq!(unwind_memory("64M"), Ok(64 << 20));
        assert_eq!(unwind_memory("4194304"), Ok(4 << 20));
        for bad in ["", "M", "1M", "1G", "-3M", "64MB", "99999999999999999999G"] {
            assert!(unwind_memory(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn durations() {
        assert_eq!(duration("10"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("10s"), Ok(Duration::from_secs(10)));
        assert_eq!(duration("1m"), Ok(Duration::from_secs(60)));
        assert_eq!(duration("1.5h"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        for wrong in ["", "0", "0ms", "-1", "s", "10x", "1e3", "1..2", "99999999999h", "inf", "NaN"]
        {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn cpu_lists() {
        assert_eq!(cpus("0-3,5"), Ok(CpuList(vec![0, 1, 2, 3, 5])));
        assert_eq!(cpus("5,1,1"), Ok(CpuList(vec![1, 5])));
        for wrong in ["", "3-1", "a", "0,", "1-", "-1", "0-4294967295", "9000"] {
            assert!(cpus(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn processes() {
        assert_eq!(wanted("17"), Ok(Wanted::Pid(17)));
        assert_eq!(wanted("redis-server"), Ok(Wanted::Name(String::from("redis-server"))));
        assert_eq!(wanted("7zip"), Ok(Wanted::Name(String::from("7zip"))));
        assert!(wanted("0").is_err());
        assert!(wanted("99999999999").is_err());
        assert!(wanted("").is_err());
    }

    #[test]
    fn widths_are_shares_of_a_graph() {
        assert_eq!(["0", "0.1", "99.9"].map(width), [Ok(0.0), Ok(0.1), Ok(99.9)]);
        for wrong in ["nan", "inf", "-inf", "-1", "-0.1", "100", "1000", "", "1%"] {
            assert!(width(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn labels_are_pairs() {
        assert_eq!(label("a=b=c"), Ok((String::from("a"), String::from("b=c"))));
        for wrong in ["", "a", "a=", "=b", "="] {
            assert!(label(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn frequency_zero_is_refused() {
        assert!(hertz("0").is_err());
        assert_eq!(hertz("99"), Ok(99));
        assert!(hertz("-5").is_err());
    }
}
