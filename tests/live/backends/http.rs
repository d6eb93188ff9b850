//! Questions to a server on loopback: HTTP/1.0, so that an answer ends with its connection and has no chunks.

use std::io::{Read, Write};
use std::net::TcpStream;

/// Asks with GET. The status and the body.
pub(crate) fn get(address: &str, path: &str) -> std::io::Result<(u16, Vec<u8>)> {
    exchange(address, &format!("GET {path} HTTP/1.0\r\nHost: {address}\r\n\r\n"), &[])
}

/// Asks with POST. The status and the body.
pub(crate) fn post(
    address: &str,
    path: &str,
    kind: &str,
    body: &[u8],
) -> std::io::Result<(u16, Vec<u8>)> {
    let length = body.len();
    let head = format!(
        "POST {path} HTTP/1.0\r\nHost: {address}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n"
    );
    exchange(address, &head, body)
}

fn exchange(address: &str, head: &str, body: &[u8]) -> std::io::Result<(u16, Vec<u8>)> {
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(head.as_bytes())?;
    stream.write_all(body)?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let end =
        answer.windows(4).position(|w| w == b"\r\n\r\n").ok_or(std::io::ErrorKind::InvalidData)?;
    let status = answer.get(9..12).and_then(|code| std::str::from_utf8(code).ok()?.parse().ok());
    Ok((status.ok_or(std::io::ErrorKind::InvalidData)?, answer.split_off(end + 4)))
}

/// Text for a query: all but letters and digits as `%XX`.
pub(crate) fn escape(text: &str) -> String {
    let byte = |b: u8| {
        if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") }
    };
    text.bytes().map(byte).collect()
}
