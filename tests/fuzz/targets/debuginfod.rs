//! The answers of a debuginfod server, as they come over a connection.
#![no_main]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener};
use std::sync::OnceLock;
use std::sync::mpsc::{Sender, channel};
use symbolizer::fuzzing::fetch;

/// A server of this machine that answers every request with the next bytes that it is given.
fn server() -> (String, Sender<Vec<u8>>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("this machine has a loopback");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let (give, take) = channel::<Vec<u8>>();
    std::thread::spawn(move || {
        while let Ok((mut connection, _)) = listener.accept() {
            let Ok(answer) = take.recv() else { break };
            let mut request = [0; 4096];
            let mut got = 0;
            while got < request.len() && !request[..got].ends_with(b"\r\n\r\n") {
                match connection.read(&mut request[got..]) {
                    Ok(count) if count > 0 => got += count,
                    _ => break,
                }
            }
            let _ = connection.write_all(&answer);
            let _ = connection.shutdown(Shutdown::Write);
        }
    });
    (url, give)
}

libfuzzer_sys::fuzz_target!(|answer: &[u8]| {
    static SERVER: OnceLock<(String, Sender<Vec<u8>>)> = OnceLock::new();
    // A redirect could lead off this machine.
    if answer.to_ascii_lowercase().windows(9).any(|name| name == b"location:") {
        return;
    }
    let (url, give) = SERVER.get_or_init(server);
    give.send(answer.to_vec()).expect("the server runs");
    if let Ok(Some(file)) = fetch(url, &[0xab, 0xcd]) {
        let size = file.metadata().expect("it is open").len();
        assert!(size <= answer.len() as u64, "{size}");
    }
});
