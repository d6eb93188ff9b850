//! A backend that takes anything: what it was sent, and an answer of the test's choice.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

/// A request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    /// Method and path.
    pub(crate) line: String,
    /// Names in small letters, and values.
    pub(crate) headers: Vec<(String, String)>,
    /// Decompressed where it says that it is compressed.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// A header's value.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// A status line's end, as in `200 OK`, the content type and the body.
    Whole(&'static str, &'static str, &'static str),
    /// Nothing, for as long as the other side waits.
    Silence,
}

impl Answer {
    /// What a kind of backend says when it took everything.
    pub(crate) fn ok(kind: &str) -> Self {
        match kind {
            "parca" => Self::Whole("200 OK", "application/json", "{}"),
            "pyroscope" => Self::Whole("200 OK", "application/proto", ""),
            _ => Self::Whole("200 OK", "application/x-protobuf", ""),
        }
    }

    /// What a backend says that wants none of it.
    pub(crate) const REFUSED: Self =
        Self::Whole("400 Bad Request", "text/plain", "this is not what we collect");
}

#[derive(Debug)]
struct Shared {
    answers: Mutex<Vec<Answer>>,
    requests: Mutex<Vec<Request>>,
    over: AtomicBool,
}

/// The backend; it ends with the test.
#[derive(Debug)]
pub(crate) struct Receiver {
    address: SocketAddr,
    shared: Arc<Shared>,
    listener: Option<thread::JoinHandle<()>>,
}

impl Receiver {
    /// Listens on a port of the kernel's choice. Request for request an answer is given; the last one stays.
    pub(crate) fn start(answers: &[Answer]) -> Self {
        Self::at(SocketAddr::from(([127, 0, 0, 1], 0)), answers).unwrap()
    }

    /// Listens there.
    pub(crate) fn at(address: SocketAddr, answers: &[Answer]) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared {
            answers: Mutex::new(answers.to_vec()),
            requests: Mutex::default(),
            over: AtomicBool::new(false),
        });
        let theirs = Arc::clone(&shared);
        let listener = thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if theirs.over.load(Ordering::SeqCst) {
                    return;
                }
                let theirs = Arc::clone(&theirs);
                thread::spawn(move || theirs.serve(stream));
            }
        });
        Ok(Self { address, shared, listener: Some(listener) })
    }

    /// `127.0.0.1:PORT`.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The URL of a kind of backend.
    pub(crate) fn url(&self, kind: &str) -> String {
        format!("{kind}+http://{}", self.address)
    }

    /// From now on nobody listens there.
    pub(crate) fn end(self) {
        drop(self);
    }

    /// All that was received so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.shared.requests.lock().unwrap().clone()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        // Wakes the listener.
        drop(TcpStream::connect(self.address));
        if let Some(listener) = self.listener.take() {
            drop(listener.join());
        }
    }
}

impl Shared {
    /// Requests of one connection, until it is closed.
    fn serve(&self, stream: TcpStream) {
        let mut from = BufReader::new(stream);
        while let Some(request) = receive(&mut from) {
            self.requests.lock().unwrap().push(request);
            let answer = {
                let mut answers = self.answers.lock().unwrap();
                if answers.len() > 1 { answers.remove(0) } else { answers[0].clone() }
            };
            match answer {
                Answer::Whole(status, kind, body) => {
                    let length = body.len();
                    let text = format!(
                        "HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\n\r\n{body}"
                    );
                    if from.get_mut().write_all(text.as_bytes()).is_err() {
                        return;
                    }
                }
                Answer::Silence => {
                    let _ = from.read(&mut [0]);
                }
            }
        }
    }
}

fn receive(from: &mut BufReader<TcpStream>) -> Option<Request> {
    let line = line(from)?;
    let mut headers = Vec::new();
    loop {
        let header = self::line(from)?;
        let Some((name, value)) = header.split_once(':') else { break };
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { line, headers, body: Vec::new() };
    request.body = match request.header("content-length") {
        Some(length) => {
            let mut body = vec![0; length.parse().ok()?];
            from.read_exact(&mut body).ok()?;
            body
        }
        None => chunks(from)?,
    };
    if request.header("content-encoding") == Some("gzip") {
        let mut plain = Vec::new();
        flate2::read::GzDecoder::new(&request.body[..]).read_to_end(&mut plain).ok()?;
        request.body = plain;
    }
    Some(request)
}

fn chunks(from: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let size = usize::from_str_radix(line(from)?.trim(), 16).ok()?;
        let begin = body.len();
        body.resize(begin + size, 0);
        from.read_exact(&mut body[begin..]).ok()?;
        line(from)?;
        if size == 0 {
            return Some(body);
        }
    }
}

fn line(from: &mut impl BufRead) -> Option<String> {
    let mut line = String::new();
    if from.read_line(&mut line).ok()? == 0 {
        return None;
    }
    Some(line.trim_end().to_owned())
}
