//! Debug files from debuginfod servers: `GET URL/buildid/HEX/debuginfo`. They are kept in the cache that elfutils'
//! client also uses. All fetches of a symbolizer share one limit in bytes and one in time.

use std::collections::HashSet;
use std::env;
use std::fs::File;
use std::path::PathBuf;

use super::download::Servers;
use crate::opening::regular;

/// The most build IDs without a file that are remembered over cuts.
const MAX_MISSING: usize = 65_536;

/// The cache directory of elfutils' client.
fn cache_directory() -> Option<PathBuf> {
    let named =
        |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    named("DEBUGINFOD_CACHE_PATH")
        .or_else(|| named("XDG_CACHE_HOME").map(|home| home.join("debuginfod_client")))
        .or_else(|| named("HOME").map(|home| home.join(".cache/debuginfod_client")))
}

/// Fetches debug files. It connects to a server only when it must.
#[derive(Debug, Default)]
pub(crate) struct Debuginfod {
    servers: Servers,
    cache: Option<PathBuf>,
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
        Self { servers: Servers::new(urls), cache, ..Self::default() }
    }

    /// The debug file of a build ID, not checked yet. `Ok(None)`: no server has it.
    pub(crate) fn fetch(&mut self, build_id: &[u8]) -> Result<Option<File>, &'static str> {
        if self.servers.is_empty() || build_id.len() < 2 || self.is_hopeless(build_id) {
            return Ok(None);
        }
        let hex: String = build_id.iter().map(|byte| format!("{byte:02x}")).collect();
        let cached = self.cache.as_ref().map(|cache| cache.join(&hex).join("debuginfo"));
        // Elfutils' client stores an empty file if no server has the debug file.
        let present = cached.as_deref().and_then(|path| regular(path).ok());
        if let Some(file) = present.filter(|file| file.metadata().is_ok_and(|meta| meta.len() > 0))
        {
            return Ok(Some(file));
        }
        let fetched = self.servers.ask(&hex, cached.as_deref());
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

    /// Begins a new cut, which has its own time limit. A server that failed again and again is still not asked.
    pub(crate) fn begin_cut(&mut self) {
        self.servers.begin_cut();
        self.failed.clear();
        if self.missing.len() > MAX_MISSING {
            self.missing.clear();
        }
    }
}
