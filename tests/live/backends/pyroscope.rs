//! A real Pyroscope, where `PYROSCOPE` is its binary or the URL of one that runs.

use super::http;
use super::received::{Received, list, number};
use super::servers::{Server, free_port};
use crate::Skip;
use crate::lab;
use serde_json::{Value, json};

/// Rings that want an address of this instance.
const RINGS: [&str; 6] = [
    "compactor.ring",
    "distributor.ring",
    "overrides-exporter.ring",
    "query-frontend",
    "query-scheduler.ring",
    "store-gateway.sharding-ring",
];

/// The server.
#[derive(Debug)]
pub(crate) struct Pyroscope(Server);

impl Pyroscope {
    /// Starts the binary or takes the server at the URL. Waits until it answers.
    pub(crate) fn start() -> Result<Self, Skip> {
        let server = Server::start("PYROSCOPE", |command, _, port| {
            command.args(arguments(port));
        })?;
        lab::wait_for("Pyroscope", || {
            let ready = http::get(&server.address, "/ready").is_ok_and(|(status, _)| status == 200);
            if !ready {
                std::thread::sleep(std::time::Duration::from_millis(200));
            }
            ready.then_some(())
        });
        Ok(Self(server))
    }

    /// `HOST:PORT`.
    pub(crate) fn address(&self) -> &str {
        &self.0.address
    }

    fn ask(&self, what: &str, request: &Value) -> Value {
        let path = format!("/querier.v1.QuerierService/{what}");
        let body = request.to_string();
        let (status, answer) =
            http::post(self.address(), &path, "application/json", body.as_bytes()).unwrap();
        let answer = String::from_utf8_lossy(&answer);
        assert_eq!(status, 200, "{what} {body}: {answer}");
        serde_json::from_str(&answer).expect("it is JSON")
    }

    /// The ids of the profile types around this time, in nanoseconds since 1970.
    pub(crate) fn types(&self, time: i64) -> Vec<String> {
        let (start, end) = around(time);
        let types = self.ask("ProfileTypes", &json!({"start": start, "end": end}));
        let id = |t: &Value| t["ID"].as_str().unwrap_or_default().to_owned();
        list(&types["profileTypes"]).iter().map(id).collect()
    }

    /// The label sets that a selector finds around this time, each as sorted `key=value`.
    pub(crate) fn series(&self, selector: &str, time: i64) -> Vec<Vec<String>> {
        let (start, end) = around(time);
        let request = json!({"matchers": [selector], "start": start, "end": end});
        let answer = self.ask("Series", &request);
        let label = |l: &Value| {
            let part = |key: &str| l[key].as_str().unwrap_or_default().to_owned();
            format!("{}={}", part("name"), part("value"))
        };
        let set = |s: &Value| {
            let mut labels: Vec<_> = list(&s["labels"]).iter().map(label).collect();
            labels.sort();
            labels
        };
        list(&answer["labelsSet"]).iter().map(set).collect()
    }

    /// What it has of a type and a selector, with lines.
    pub(crate) fn merged(&self, kind: &str, selector: &str, time: i64) -> Received {
        let (start, end) = around(time);
        let mut request = Vec::new();
        for (field, text) in [(1, kind), (2, selector)] {
            request.push(field << 3 | 2);
            varint(&mut request, text.len() as u64);
            request.extend_from_slice(text.as_bytes());
        }
        for (field, milliseconds) in [(3, start), (4, end)] {
            request.push(field << 3);
            varint(&mut request, milliseconds.unsigned_abs());
        }
        let path = "/querier.v1.QuerierService/SelectMergeProfile";
        let (status, answer) =
            http::post(self.address(), path, "application/proto", &request).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        Received::from_pprof(&answer)
    }

    /// The total and the names of a flame graph, as its page asks for it.
    pub(crate) fn rendered(&self, query: &str) -> (i64, Vec<String>) {
        let path = format!(
            "/pyroscope/render?query={}&from=now-10m&until=now&format=json",
            http::escape(query)
        );
        let (status, answer) = http::get(self.address(), &path).unwrap();
        assert_eq!(status, 200, "{}", String::from_utf8_lossy(&answer));
        let graph: Value = serde_json::from_slice(&answer).expect("it is JSON");
        let graph = &graph["flamebearer"];
        let names = list(&graph["names"]).iter().filter_map(Value::as_str).map(str::to_owned);
        (number(&graph["numTicks"]), names.collect())
    }
}

/// A minute before and after, in milliseconds since 1970.
fn around(time: i64) -> (i64, i64) {
    (time / 1_000_000 - 60_000, time / 1_000_000 + 60_000)
}

fn varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value > 0x7f {
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    bytes.push(value as u8);
}

/// All of it in one process, on loopback alone; it reports nothing to anybody.
fn arguments(port: u16) -> Vec<String> {
    let [grpc, raft, gossip] = [(); 3].map(|()| free_port());
    let mut arguments = vec![
        "-architecture.storage=v2".to_owned(),
        "-usage-stats.enabled=false".to_owned(),
        "-self-profiling.disable-push=true".to_owned(),
        "-server.http-listen-address=127.0.0.1".to_owned(),
        format!("-server.http-listen-port={port}"),
        "-server.grpc-listen-address=127.0.0.1".to_owned(),
        format!("-server.grpc-listen-port={grpc}"),
        format!("-metastore.address=127.0.0.1:{grpc}"),
        format!("-query-backend.address=127.0.0.1:{grpc}"),
        format!("-metastore.raft.bind-address=127.0.0.1:{raft}"),
        format!("-metastore.raft.advertise-address=127.0.0.1:{raft}"),
        "-memberlist.bind-addr=127.0.0.1".to_owned(),
        "-memberlist.advertise-addr=127.0.0.1".to_owned(),
        format!("-memberlist.bind-port={gossip}"),
        "-ingester.lifecycler.addr=127.0.0.1".to_owned(),
        "-segment-writer.lifecycler.addr=127.0.0.1".to_owned(),
    ];
    arguments.extend(RINGS.map(|ring| format!("-{ring}.instance-addr=127.0.0.1")));
    arguments
}
