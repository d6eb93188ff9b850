//! Debug files over HTTP. All fetches share one limit in bytes and one in time.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;
use std::time::{Duration, Instant};

/// The largest file that is fetched, in bytes.
const MAX_BYTES: u64 = 2 << 30;
/// The largest file that is held in memory if it cannot be kept in the cache, in bytes.
const MAX_MEMORY: u64 = 256 << 20;
/// The time limit for all downloads together.
const MAX_TIME: Duration = Duration::from_secs(60);
/// The time limit for connecting to a server.
const MAX_CONNECT: Duration = Duration::from_secs(5);
/// The number of failures in a row after which a server is no longer asked.
const MAX_FAILURES: u32 = 3;

#[derive(Debug)]
struct Server {
    url: String,
    failures: u32,
}

/// The servers, in the order in which they are asked.
#[derive(Debug, Default)]
pub(super) struct Servers {
    list: Vec<Server>,
    spent: Duration,
}

impl Servers {
    pub(super) fn new(urls: &[String]) -> Self {
        let server =
            |url: &String| Server { url: url.trim_end_matches('/').to_owned(), failures: 0 };
        Self { list: urls.iter().map(server).collect(), spent: Duration::ZERO }
    }

    /// Begins a new cut, which has its own time limit. A server that failed again and again is still not asked.
    pub(super) fn begin_cut(&mut self) {
        self.spent = Duration::ZERO;
    }

    pub(super) fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The debug file of a build ID in hexadecimal. It is kept at `cached` if possible. `Ok(None)`: no server has it.
    pub(super) fn ask(
        &mut self,
        hex: &str,
        cached: Option<&Path>,
    ) -> Result<Option<File>, &'static str> {
        let start = Instant::now();
        let fetched = self.try_all(hex, cached);
        self.spent += start.elapsed();
        fetched
    }

    fn try_all(&mut self, hex: &str, cached: Option<&Path>) -> Result<Option<File>, &'static str> {
        let mut failed = None;
        for server in self.list.iter_mut().filter(|server| server.failures < MAX_FAILURES) {
            let Some(left) = MAX_TIME.checked_sub(self.spent).filter(|left| !left.is_zero()) else {
                return Err("no time left to download its debug file");
            };
            let url = format!("{}/buildid/{hex}/debuginfo", server.url);
            match get(&url, left, cached) {
                Ok(found) => {
                    server.failures = 0;
                    if found.is_some() {
                        return Ok(found);
                    }
                }
                Err(_) => {
                    server.failures += 1;
                    failed = Some("a debuginfod server failed");
                }
            }
        }
        failed.map_or(Ok(None), Err)
    }
}

fn get(url: &str, left: Duration, cached: Option<&Path>) -> io::Result<Option<File>> {
    let config = ureq::Agent::config_builder()
        .timeout_global(Some(left))
        .timeout_connect(Some(MAX_CONNECT.min(left)))
        .http_status_as_error(false)
        .user_agent(concat!("bpflame/", env!("CARGO_PKG_VERSION")))
        .build();
    let mut response = ureq::Agent::from(config).get(url).call().map_err(ureq::Error::into_io)?;
    match response.status().as_u16() {
        200 => {}
        404 => return Ok(None),
        status => return Err(io::Error::other(format!("status {status}"))),
    }
    let body = response.body_mut().with_config().limit(MAX_BYTES).reader();
    keep(body, cached).map(Some)
}

/// Writes a file beside its final place and moves it there when it is complete. If that is not possible, holds it in
/// memory.
fn keep(mut body: impl Read, cached: Option<&Path>) -> io::Result<File> {
    let place = cached.and_then(|path| {
        let directory = path.parent()?;
        fs::create_dir_all(directory).ok()?;
        let part = directory.join(format!("debuginfo.{}", std::process::id()));
        let file = File::options().read(true).write(true).create_new(true).open(&part).ok()?;
        Some((file, part, path))
    });
    let Some((mut file, part, path)) = place else {
        let memory = rustix::fs::memfd_create("debuginfo", rustix::fs::MemfdFlags::CLOEXEC)?;
        let mut file = File::from(memory);
        let size = io::copy(&mut body.take(MAX_MEMORY + 1), &mut file)?;
        let too_large = || io::Error::other("too large to keep in memory");
        return if size > MAX_MEMORY { Err(too_large()) } else { Ok(file) };
    };
    let written = io::copy(&mut body, &mut file).and_then(|_| fs::rename(&part, path));
    if written.is_err() {
        let _ = fs::remove_file(&part);
    }
    written.map(|()| file)
}
