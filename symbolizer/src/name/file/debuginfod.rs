//! Debug files from debuginfod servers: `GET URL/buildid/HEX/debuginfo`, kept in the cache that elfutils'
//! client uses too. Bounded in bytes and in time, all fetches of a symbolizer together.

use std::collections::HashSet;
use std::env;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::debugfile;

/// No larger file is fetched.
const MAX_BYTES: u64 = 2 << 30;
/// A file that cannot be kept in the cache is held in memory, if it is no larger.
const MAX_MEMORY: u64 = 256 << 20;
/// The time limit for all downloads together.
const MAX_TIME: Duration = Duration::from_secs(60);
/// Time until a server must have answered at all.
const MAX_CONNECT: Duration = Duration::from_secs(5);
/// After so many failures in a row a server is not asked any more.
const MAX_FAILURES: u32 = 3;
/// The most build IDs without a file that are remembered over cuts.
const MAX_MISSING: usize = 65_536;

/// The servers named in the variable `DEBUGINFOD_URLS` if it has any, else those of `/etc/debuginfod/*.urls`.
pub fn servers(variable: Option<&OsStr>) -> Vec<String> {
    let words = |text: &str| text.split_whitespace().map(str::to_owned).collect::<Vec<_>>();
    let named = variable.map(|text| words(&text.to_string_lossy())).unwrap_or_default();
    if !named.is_empty() {
        return named;
    }
    let entries = fs::read_dir("/etc/debuginfod").into_iter().flatten().flatten();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.path()).collect();
    files.retain(|file| file.extension() == Some(OsStr::new("urls")));
    files.sort();
    files
        .iter()
        .filter_map(|file| fs::read_to_string(file).ok())
        .flat_map(|text| words(&text))
        .collect()
}

/// The cache directory of elfutils' client.
fn cache_directory() -> Option<PathBuf> {
    let named =
        |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("DEBUGINFOD_CACHE_PATH")
        .or_else(|| named("XDG_CACHE_HOME").map(|home| home.join("debuginfod_client")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/debuginfod_client")))
}

#[derive(Debug)]
struct Server {
    url: String,
    failures: u32,
}

/// Fetches debug files; makes no connection before it must.
#[derive(Debug, Default)]
pub(crate) struct Debuginfod {
    servers: Vec<Server>,
    cache: Option<PathBuf>,
    spent: Duration,
    /// Build IDs that no server has.
    missing: HashSet<Vec<u8>>,
    /// Build IDs whose fetch failed in this cut.
    failed: HashSet<Vec<u8>>,
}

impl Debuginfod {
    pub(crate) fn new(urls: &[String]) -> Self {
        Self::with_cache(urls, cache_directory())
    }

    pub(crate) fn with_cache(urls: &[String], cache: Option<PathBuf>) -> Self {
        let server =
            |url: &String| Server { url: url.trim_end_matches('/').to_owned(), failures: 0 };
        Self { servers: urls.iter().map(server).collect(), cache, ..Self::default() }
    }

    /// The debug file of a build ID, not yet looked into. `Ok(None)`: no server has it.
    pub(crate) fn fetch(&mut self, build_id: &[u8]) -> Result<Option<File>, &'static str> {
        if self.servers.is_empty() || build_id.len() < 2 || self.is_hopeless(build_id) {
            return Ok(None);
        }
        let hex: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let cached = self.cache.as_ref().map(|cache| cache.join(&hex).join("debuginfo"));
        // Elfutils' client marks what no server had by an empty file.
        let present = cached.as_deref().and_then(|path| debugfile::open(None, path));
        if let Some(file) = present.filter(|file| file.metadata().is_ok_and(|meta| meta.len() > 0))
        {
            return Ok(Some(file));
        }
        let start = Instant::now();
        let fetched = self.ask(&hex, cached.as_deref());
        self.spent += start.elapsed();
        match fetched {
            Ok(Some(_)) => {}
            Ok(None) => drop(self.missing.insert(build_id.to_vec())),
            Err(_) => drop(self.failed.insert(build_id.to_vec())),
        }
        fetched
    }

    fn is_hopeless(&self, build_id: &[u8]) -> bool {
        self.missing.contains(build_id) || self.failed.contains(build_id)
    }

    /// A new cut begins: there is time again. A server that failed again and again is still not asked.
    pub(crate) fn begin_cut(&mut self) {
        self.spent = Duration::ZERO;
        self.failed.clear();
        if self.missing.len() > MAX_MISSING {
            self.missing.clear();
        }
    }

    fn ask(&mut self, hex: &str, cached: Option<&Path>) -> Result<Option<File>, &'static str> {
        let mut failed = None;
        for server in self.servers.iter_mut().filter(|server| server.failures < MAX_FAILURES) {
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

/// Writes a file beside where it belongs and moves it there when it is complete; else holds it in memory.
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
