//! The CPUs of this machine.

use crate::Error;
use std::fs;
use std::io;

/// Parses the kernel's lists, as in `0-3,8`.
pub(crate) fn parse_list(text: &str) -> Option<Vec<u32>> {
    let mut list = Vec::new();
    for part in text.trim().split(',').filter(|p| !p.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
        if last < first || last - first > 1 << 16 {
            return None;
        }
        list.extend(first..=last);
    }
    Some(list)
}

fn read(name: &str) -> Result<Vec<u32>, Error> {
    let text = fs::read_to_string(format!("/sys/devices/system/cpu/{name}"))
        .map_err(|source| Error::Failed { step: "reading the list of CPUs", source })?;
    parse_list(&text).filter(|l| !l.is_empty()).ok_or_else(|| Error::Failed {
        step: "reading the list of CPUs",
        source: io::Error::from(io::ErrorKind::InvalidData),
    })
}

/// The CPUs that are online now.
pub(crate) fn online() -> Result<Vec<u32>, Error> {
    read("online")
}

/// The largest number of a present CPU plus one. A present CPU can come online.
pub(crate) fn count() -> Result<u32, Error> {
    Ok(read("present")?.into_iter().chain(online()?).max().unwrap_or(0) + 1)
}

/// The requested CPUs that are online.
pub(crate) fn chosen(asked: Option<&[u32]>) -> Result<Vec<u32>, Error> {
    let online = online()?;
    let Some(asked) = asked else { return Ok(online) };
    match asked.iter().find(|c| !online.contains(c)) {
        Some(&missing) => Err(Error::Cpu(missing)),
        None => Ok(asked.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        assert_eq!(parse_list("0-2,5\n"), Some(vec![0, 1, 2, 5]));
        assert_eq!(parse_list("7"), Some(vec![7]));
        assert_eq!(parse_list("3-1"), None);
        assert_eq!(parse_list("0-99999999"), None);
        assert_eq!(parse_list("x"), None);
    }
}
