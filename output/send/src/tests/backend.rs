//! A backend whose every answer is written by a test.

use rustls::{ServerConfig, ServerConnection, StreamOwned};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// Time after which a test that hangs is ended; far more than any needs.
const WATCHDOG: Duration = Duration::from_secs(120);

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Request {
    /// First line and headers.
    pub(super) head: String,
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut lines = self.head.lines().skip(1);
        lines.find_map(|line| {
            let (key, value) = line.split_once(": ")?;
            key.eq_ignore_ascii_case(name).then_some(value)
        })
    }
}

trait Stream: Read + Write + Send {}
impl<T: Read + Write + Send> Stream for T {}

/// A connection that a test's script answers on.
pub(super) struct Connection {
    stream: BufReader<Box<dyn Stream>>,
    tcp: TcpStream,
    /// The number of the connection, from 0.
    pub(super) number: usize,
    seen: Arc<Mutex<Vec<Request>>>,
}

impl Connection {
    /// The next request's head; nothing where the other side has closed.
    pub(super) fn head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let before = head.len();
            match self.stream.read_line(&mut head) {
                Ok(0) | Err(_) => return None,
                Ok(_) if head[before..].trim().is_empty() => return Some(head),
                Ok(_) => {}
            }
        }
    }

    /// The next request; nothing where the other side has closed.
    pub(super) fn request(&mut self) -> Option<Request> {
        let mut request = Request { head: self.head()?, body: Vec::new() };
        let length = request.header("content-length").map_or(0, |length| length.parse().unwrap());
        request.body.resize(length, 0);
        self.stream.read_exact(&mut request.body).ok()?;
        self.seen.lock().unwrap().push(request.clone());
        Some(request)
    }

    /// Writes bytes; false where the other side has closed.
    pub(super) fn send(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        let stream = self.stream.get_mut();
        stream.write_all(bytes.as_ref()).and_then(|()| stream.flush()).is_ok()
    }

    /// Writes an answer with its length.
    pub(super) fn answer(&mut self, status: u16, headers: &str, body: &str) -> bool {
        self.send(format!(
            "HTTP/1.1 {status} Some Words\r\nContent-Length: {}\r\n{headers}\r\n{body}",
            body.len()
        ))
    }

    /// Waits until the other side closes.
    pub(super) fn wait(&mut self) {
        let mut buffer = [0; 4096];
        while self.stream.read(&mut buffer).is_ok_and(|count| count > 0) {}
    }

    /// A second handle to the connection below any TLS.
    pub(super) fn tcp(&self) -> &TcpStream {
        &self.tcp
    }
}

/// A backend on a port of its own; it ends when dropped.
pub(super) struct Backend {
    address: SocketAddr,
    scheme: &'static str,
    seen: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    end: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Backend {
    /// One that speaks plain http; the script runs for each connection.
    pub(super) fn start(script: impl Fn(&mut Connection) + Send + Sync + 'static) -> Self {
        Self::listen("http", None, script)
    }

    /// One that speaks TLS.
    pub(super) fn tls(
        config: ServerConfig,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        Self::listen("https", Some(Arc::new(config)), script)
    }

    /// One that answers every request in the same way.
    pub(super) fn answering(status: u16, headers: &'static str, body: &'static str) -> Self {
        Self::start(move |connection| {
            while connection.request().is_some() && connection.answer(status, headers, body) {}
        })
    }

    fn listen(
        scheme: &'static str,
        config: Option<Arc<ServerConfig>>,
        script: impl Fn(&mut Connection) + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (seen, connections) = (Arc::new(Mutex::new(Vec::new())), Arc::new(AtomicUsize::new(0)));
        let end = Arc::new(AtomicBool::new(false));
        let script = Arc::new(script);
        let (to_see, to_count, to_end) =
            (Arc::clone(&seen), Arc::clone(&connections), Arc::clone(&end));
        let thread = std::thread::spawn(move || {
            for tcp in listener.incoming() {
                if to_end.load(Ordering::SeqCst) {
                    return;
                }
                let number = to_count.fetch_add(1, Ordering::SeqCst);
                let (tcp, config) = (tcp.unwrap(), config.clone());
                let (seen, script) = (Arc::clone(&to_see), Arc::clone(&script));
                tcp.set_read_timeout(Some(WATCHDOG)).unwrap();
                tcp.set_write_timeout(Some(WATCHDOG)).unwrap();
                std::thread::spawn(move || {
                    if let Ok(stream) = secured(&tcp, config) {
                        let stream = BufReader::new(stream);
                        script(&mut Connection { stream, tcp, number, seen });
                    }
                });
            }
        });
        Self { address, scheme, seen, connections, end, thread: Some(thread) }
    }

    /// As an endpoint's URL.
    pub(super) fn url(&self) -> String {
        format!("otlp+{}://{}", self.scheme, self.address)
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far.
    pub(super) fn requests(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }

    /// The connections so far.
    pub(super) fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

/// The connection, with TLS where there is a configuration for it.
fn secured(tcp: &TcpStream, config: Option<Arc<ServerConfig>>) -> io::Result<Box<dyn Stream>> {
    let tcp = tcp.try_clone()?;
    match config {
        None => Ok(Box::new(tcp)),
        Some(config) => {
            let connection = ServerConnection::new(config).map_err(io::Error::other)?;
            Ok(Box::new(StreamOwned::new(connection, tcp)))
        }
    }
}

impl Drop for Backend {
    fn drop(&mut self) {
        self.end.store(true, Ordering::SeqCst);
        // Wakes the listener.
        let _ = TcpStream::connect(self.address);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// Runs a test on a thread of its own, and fails where it does not end.
pub(super) fn watched(test: impl FnOnce() + Send + 'static) {
    let (give, take) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        test();
        let _ = give.send(());
    });
    match take.recv_timeout(WATCHDOG) {
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("the test hangs"),
        _ => thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
    }
}
