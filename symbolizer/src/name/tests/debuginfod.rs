//! Debug files from a server: elfutils' own, and ones that misbehave.

use std::fs;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::{Fixture, chain, installed, local};
use crate::Symbolize;
use crate::name::ask::Debuginfod;

const C: &str = "__attribute__((noinline)) int work(int n) { return n * 7 + (int)(long)__builtin_frame_address(0); }\n\
    int main(int n, char **v) { (void)v; return work(n); }";

/// A stripped program `a`, its debug file `files/a.debug`, and the address of `work`.
fn split() -> (Fixture, u64) {
    let fixture = Fixture::new("a.c", C);
    fixture.run("gcc", &["-O2", "-g", "-Wl,--build-id", "-o", "a", "a.c"]);
    let work = fixture.address("a", "work");
    fs::create_dir(fixture.path("files")).unwrap();
    fixture.run("objcopy", &["--only-keep-debug", "a", "files/a.debug"]);
    fixture.run("strip", &["a"]);
    (fixture, work)
}

/// Name of an address, with warnings, by a fetcher with its cache in the fixture.
fn name(fixture: &Fixture, fetcher: &mut Debuginfod, address: u64) -> (String, Vec<String>) {
    let mut local = local().with_servers(std::mem::take(fetcher));
    let named = local.file(&fixture.mapped("a"), &[address]).remove(0);
    let warnings = local.warnings().into_iter().map(|warning| warning.what).collect();
    *fetcher = local.servers();
    (chain(&named), warnings)
}

fn fetcher(fixture: &Fixture, url: String) -> Debuginfod {
    Debuginfod::with_cache(&[url], Some(fixture.path("cache")))
}

struct Server(Child);

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_real_server() {
    if !installed("debuginfod") {
        return;
    }
    let (fixture, work) = split();
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let server = Command::new("debuginfod")
        .args(["-d", ":memory:", "-p", &port.to_string(), "-F", "files"])
        .current_dir(fixture.directory.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut server = Server(server);
    let url = format!("http://127.0.0.1:{port}");
    // It listens before it has looked at all files.
    let found = loop {
        let (found, _) = name(&fixture, &mut fetcher(&fixture, url.clone()), work);
        if found == "work" {
            break found;
        }
        assert!(server.0.try_wait().unwrap().is_none(), "the server ended");
        std::thread::sleep(Duration::from_millis(100));
    };
    assert_eq!(found, "work");
    drop(server);
    // From the cache now, where elfutils' client would look too.
    let hex: String =
        fixture.mapped("a").build_id.unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
    assert!(fixture.path("cache").join(hex).join("debuginfo").exists());
    assert_eq!(name(&fixture, &mut fetcher(&fixture, url), work), ("work".to_owned(), vec![]));
}

/// A server on loopback that answers every request with the same bytes, and counts the requests.
fn answering(answer: Vec<u8>) -> (String, std::sync::mpsc::Receiver<()>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream: TcpStream = stream.unwrap();
            let mut request = [0; 4096];
            let _ = stream.read(&mut request);
            let _ = stream.write_all(&answer);
            if sender.send(()).is_err() {
                return;
            }
        }
    });
    (url, receiver)
}

fn answer(status: &str, body: &[u8]) -> Vec<u8> {
    let head =
        format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
    [head.as_bytes(), body].concat()
}

#[test]
fn a_file_with_another_build_id_is_refused() {
    let (fixture, work) = split();
    fixture.run("gcc", &["-O0", "-g", "-Wl,--build-id", "-o", "other", "a.c"]);
    let other = fs::read(fixture.path("other")).unwrap();
    let (url, _requests) = answering(answer("200 OK", &other));
    let (name, warnings) = name(&fixture, &mut fetcher(&fixture, url), work);
    assert_eq!(name, format!("a+{work:#x}"));
    assert_eq!(warnings, ["the debug file has a different build ID"]);
}

#[test]
fn what_no_server_has_is_asked_for_once() {
    let (fixture, work) = split();
    let (url, requests) = answering(answer("404 Not Found", b""));
    let mut fetcher = fetcher(&fixture, url);
    for _ in 0..3 {
        assert_eq!(name(&fixture, &mut fetcher, work), (format!("a+{work:#x}"), vec![]));
    }
    requests.recv().unwrap();
    assert!(requests.try_recv().is_err());
}

#[test]
fn a_failing_server_is_one_warning_and_leaves_nothing_behind() {
    let (fixture, work) = split();
    let cut = {
        let mut bytes = answer("200 OK", &[0; 1000]);
        bytes.truncate(600);
        bytes
    };
    for bytes in [answer("500 Oops", b""), cut, b"rubbish\r\n\r\n".to_vec()] {
        let (url, _requests) = answering(bytes);
        let (name, warnings) = name(&fixture, &mut fetcher(&fixture, url), work);
        assert_eq!(name, format!("a+{work:#x}"));
        assert_eq!(warnings, ["a debuginfod server failed"]);
    }
    let kept: Vec<_> = walk(&fixture.path("cache"));
    assert!(kept.is_empty(), "{kept:?}");
}

fn walk(directory: &std::path::Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
        if entry.path().is_dir() {
            files.extend(walk(&entry.path()));
        } else {
            files.push(entry.path());
        }
    }
    files
}
