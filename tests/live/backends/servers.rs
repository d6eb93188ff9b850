//! The other side: servers on loopback, each with a directory of its own, that end with the test.

use super::collected;
use super::received::Received;
use crate::Skip;
use crate::lab::{self, Running};
use rustix::process::Signal;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// Something of `tests/backends/build`.
pub(crate) fn built(name: &str) -> Result<PathBuf, Skip> {
    let directory = std::env::var_os("BACKENDS").ok_or_else(|| {
        Skip("BACKENDS does not say where what receives is built: make test-backends does".into())
    })?;
    let directory = PathBuf::from(directory);
    if let Ok(why) = fs::read_to_string(directory.join(format!("{name}.skipped"))) {
        return Err(Skip(format!("{name}: {}", why.trim())));
    }
    let path = directory.join(name);
    assert!(path.exists(), "{} is neither built nor skipped", path.display());
    Ok(path)
}

/// A port on loopback that nobody uses now.
pub(crate) fn free_port() -> u16 {
    let listener = TcpListener::bind(("127.0.0.1", 0)).expect("loopback is there");
    listener.local_addr().expect("it is bound").port()
}

/// A real backend: one that runs already, or one that ends with the test.
#[derive(Debug)]
pub(crate) struct Server {
    /// `HOST:PORT`.
    pub(crate) address: String,
    _own: Option<(Running, TempDir)>,
}

impl Server {
    /// Takes the server whose URL a variable holds, or starts the binary there, on loopback alone: at a port, in a directory of
    /// its own, as `prepare` says.
    pub(crate) fn start(
        variable: &str,
        prepare: impl FnOnce(&mut Command, &Path, u16),
    ) -> Result<Self, Skip> {
        let given = std::env::var(variable)
            .map_err(|_| Skip(format!("{variable} is neither a binary nor a server's URL")))?;
        if let Some(address) = given.strip_prefix("http://") {
            return Ok(Self { address: address.trim_end_matches('/').to_owned(), _own: None });
        }
        let (directory, port) = (tempfile::tempdir().unwrap(), free_port());
        let mut command = Command::new(given);
        prepare(command.current_dir(directory.path()), directory.path(), port);
        let running = lab::start(&mut command);
        Ok(Self { address: format!("127.0.0.1:{port}"), _own: Some((running, directory)) })
    }
}

/// A receiver by a backend's published definition.
#[derive(Debug)]
pub(crate) struct Definition {
    /// `HOST:PORT`.
    pub(crate) address: String,
    directory: TempDir,
    _running: Running,
}

impl Definition {
    /// Pyroscope's.
    pub(crate) fn pyroscope() -> Result<Self, Skip> {
        let mut command = Command::new(built("pyroscope-receiver")?);
        let directory = tempfile::tempdir().unwrap();
        command.arg("-directory").arg(directory.path());
        Ok(Self::start(command, directory))
    }

    /// Parca's.
    pub(crate) fn parca() -> Result<Self, Skip> {
        let mut command = Command::new(lab::need("node")?);
        let directory = tempfile::tempdir().unwrap();
        command.arg(built("parca-receiver.cjs")?).arg(directory.path());
        Ok(Self::start(command, directory))
    }

    fn start(mut command: Command, directory: TempDir) -> Self {
        let running = lab::start(&mut command);
        let file = directory.path().join("address");
        let address = lab::wait_for("the receiver's address", || {
            Some(fs::read_to_string(&file).ok()?.strip_suffix('\n')?.to_owned())
        });
        Self { address, directory, _running: running }
    }

    /// What it took so far.
    pub(crate) fn received(&self) -> Vec<Received> {
        let lines = fs::read_to_string(self.directory.path().join("received.jsonl")).unwrap();
        lines.lines().map(Received::from_line).collect()
    }
}

/// The OpenTelemetry Collector.
#[derive(Debug)]
pub(crate) struct Collector {
    /// `HOST:PORT`.
    pub(crate) address: SocketAddr,
    directory: TempDir,
    running: Running,
}

impl Collector {
    /// Starts it and waits until it listens.
    pub(crate) fn start() -> Result<Self, Skip> {
        let binary = built("collector")?;
        let directory = tempfile::tempdir().unwrap();
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()));
        let configuration = directory.path().join("config.yaml");
        fs::write(&configuration, Self::configuration(address, directory.path())).unwrap();
        let mut command = Command::new(binary);
        command.arg("--config").arg(&configuration).arg("--feature-gates=service.profilesSupport");
        command.current_dir(directory.path());
        let running = lab::start(&mut command);
        lab::wait_for("the Collector", || TcpStream::connect(address).ok());
        Ok(Self { address, directory, running })
    }

    fn configuration(address: SocketAddr, directory: &Path) -> String {
        format!(
            "receivers: {{otlp: {{protocols: {{http: {{endpoint: '{address}'}}}}}}}}\n\
             exporters:\n  debug: {{verbosity: detailed}}\n  \
             file: {{path: '{}/received.jsonl', format: json, flush_interval: 100ms}}\n\
             service:\n  telemetry: {{metrics: {{level: none}}}}\n  \
             pipelines: {{profiles: {{receivers: [otlp], exporters: [debug, file]}}}}\n",
            directory.display()
        )
    }

    /// Ends it, so that all is written, and reads the file. Every reference in it is checked.
    pub(crate) fn received(self) -> Vec<Received> {
        self.running.signal(Signal::TERM);
        self.running.end();
        let lines = fs::read_to_string(self.directory.path().join("received.jsonl")).unwrap();
        lines.lines().flat_map(collected::profiles).collect()
    }
}
