//! The lines of a file with headers.

use send::Secret;

/// The most headers in a file.
const MOST: usize = 100;

/// Parses headers, one `Name: value` a line. Empty lines and lines that begin with # are skipped.
///
/// # Errors
/// Names the number of the wrong line, and never its content.
pub(super) fn parse(text: &str) -> Result<Vec<(String, Secret)>, String> {
    let lines = text.lines().map(str::trim).zip(1..);
    let lines = lines.filter(|(line, _)| !line.is_empty() && !line.starts_with('#'));
    let headers =
        lines.map(|(line, number)| header(line).map_err(|why| format!("line {number}: {why}")));
    let headers: Vec<(String, Secret)> = headers.take(MOST + 1).collect::<Result<_, _>>()?;
    match headers.len() {
        0 => Err(String::from("it has no header; write one `Name: value` a line")),
        n if n > MOST => Err(format!("more than {MOST} headers")),
        _ => Ok(headers),
    }
}

fn header(line: &str) -> Result<(String, Secret), String> {
    let (name, value) = line.split_once(':').ok_or("not a header; write `Name: value`")?;
    let (name, value) = (name.trim_end(), value.trim_start());
    let is_token = |b: u8| b.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&b);
    if name.is_empty() || !name.bytes().all(is_token) {
        return Err(String::from("not a valid header name"));
    }
    if !value.bytes().all(|b| matches!(b, b'\t' | b' '..=b'~')) {
        return Err(format!("the value of {name} is not plain ASCII"));
    }
    Ok((name.to_owned(), Secret::new(value.to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_values() {
        let text = "# who\nX-Key: a b: c\r\n\n  X-Other:d  \n";
        let headers = parse(text).unwrap();
        let expected = [("X-Key", "a b: c"), ("X-Other", "d")];
        let expected =
            expected.map(|(name, value)| (String::from(name), Secret::new(String::from(value))));
        assert_eq!(headers, expected);
    }

    #[test]
    fn what_is_wrong_is_told_by_its_line_and_not_shown() {
        for (text, line) in [
            ("hunter2", "line 1: "),
            ("A: b\nhunter2 x: y", "line 2: "),
            ("A: hunter2\u{1}", "line 1: "),
            ("A: hunter2\u{e9}", "line 1: "),
            (": hunter2", "line 1: "),
        ] {
            let told = parse(text).unwrap_err();
            assert!(told.starts_with(line) && !told.contains("hunter2"), "{told}");
        }
        assert!(parse("").is_err());
        assert!(parse("# nothing\n").is_err());
        assert!(parse(&"A: b\n".repeat(MOST)).is_ok());
        assert!(parse(&"A: b\n".repeat(MOST + 1)).is_err());
    }
}
