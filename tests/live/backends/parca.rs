//! A real Parca, where `PARCA` is its binary or the URL of one that runs.

use super::http;
use super::received::{Received, list};
use super::servers::Server;
use crate::Skip;
use crate::lab;
use base64::prelude::{BASE64_STANDARD, Engine};
use serde_json::Value;
use std::process::Command;

/// The server.
#[derive(Debug)]
pub(crate) struct Parca(Server);

impl Parca {
    /// Starts the binary or takes the server at the URL. Waits until it answers.
    pub(crate) fn start() -> Result<Self, Skip> {
        let server = Server::start("PARCA", |command, directory, port| {
            let configuration =
                "object_storage: {bucket: {type: FILESYSTEM, config: {directory: ./data}}}\n";
            std::fs::write(directory.join("parca.yaml"), configuration).unwrap();
            command.arg("--config-path=parca.yaml").arg(format!("--http-address=127.0.0.1:{port}"));
            // It shall ask nobody for symbols.
            command.args(["--debuginfod-upstream-servers=", "--debuginfo-cache-dir=cache"]);
        })?;
        let parca = Self(server);
        lab::wait_for("Parca", || parca.ask("types", &[]));
        Ok(parca)
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.0.address
    }

    fn ask(&self, what: &str, query: &[(&str, &str)]) -> Option<Value> {
        let query: Vec<_> =
            query.iter().map(|(key, value)| format!("{key}={}", http::escape(value))).collect();
        let path = format!("/api/profiles/{what}?{}", query.join("&"));
        let (status, body) = http::get(self.address(), &path).ok()?;
        (status == 200).then(|| serde_json::from_slice(&body).expect("it is JSON"))
    }

    /// The names of the profile types that it knows.
    pub(crate) fn types(&self) -> Vec<String> {
        let types = self.ask("types", &[]).expect("it answers");
        let name = |t: &Value| {
            let part = |key: &str| t[key].as_str().unwrap_or_default().to_owned();
            let parts = ["name", "sampleType", "sampleUnit", "periodType", "periodUnit"].map(part);
            format!("{}{}", parts.join(":"), if t["delta"] == true { ":delta" } else { "" })
        };
        list(&types["types"]).iter().map(name).collect()
    }

    /// What it has of a selector around this time, in nanoseconds since 1970.
    pub(crate) fn merged(&self, selector: &str, time: i64) -> Option<Received> {
        let at = |seconds: i64| date_and_time(time / 1_000_000_000 + seconds);
        let answer = self.ask(
            "query",
            &[
                ("mode", "MODE_MERGE"),
                ("merge.query", selector),
                ("merge.start", &at(-60)),
                ("merge.end", &at(60)),
                ("report_type", "REPORT_TYPE_PPROF"),
            ],
        )?;
        let pprof = BASE64_STANDARD.decode(answer["pprof"].as_str()?).expect("it is base64");
        Some(Received::from_pprof(&pprof))
    }
}

/// Seconds since 1970 as date and time.
fn date_and_time(seconds: i64) -> String {
    let mut date = Command::new("date");
    date.args(["-u", "-d", &format!("@{seconds}"), "+%Y-%m-%dT%H:%M:%SZ"]);
    lab::finish(&mut date).with_code(0).out.trim().to_owned()
}
