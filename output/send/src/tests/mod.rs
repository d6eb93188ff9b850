//! Deliveries to a backend that means no good, over real connections on loopback. Whatever it does, every part is
//! delivered or stands in the account with its cause, nothing hangs, and no message shows a secret.

mod answers;
mod backend;
mod certificates;
mod connections;
mod proxies;
mod redirects;
mod secrets;
mod tls;

use super::backends::rules;
use super::exchange::{Answer, Exchange, Request, Verdict};
use super::{Account, Backend as Kind, Client, Endpoint, Part, Progress, Settings};
use backend::Backend;
use base64::prelude::{BASE64_STANDARD, Engine};
use std::io::Read;
use std::time::Duration;

/// A password that no message may show.
const SECRET: &str = "hunter2-hunter2";

/// A backend that takes what it answers with 200, wants 429 and 5xx again, and refuses the rest.
const EXCHANGE: Exchange = Exchange {
    request: Request {
        path: "/push",
        content_type: "application/test",
        compress: false,
        headers: &[("X-Kind", "test")],
    },
    judge,
};

fn judge(answer: &Answer) -> Verdict {
    assert!(answer.body.len() <= 64 << 10, "{} bytes of an answer were kept", answer.body.len());
    let text: String = String::from_utf8_lossy(&answer.body).chars().take(100).collect();
    let text = format!("status {}: {text}", answer.status);
    match answer.status {
        200 | 204 => Verdict::Delivered,
        206 => Verdict::Partial(text),
        429 | 500..=599 => Verdict::Retry(text),
        _ => Verdict::Refused(text),
    }
}

/// Bytes in base64 with padding.
fn base64(bytes: &[u8]) -> String {
    BASE64_STANDARD.encode(bytes)
}

/// Settings with short times; tests that need another time say so.
fn settings() -> Settings {
    Settings {
        attempt: Duration::from_secs(20),
        total: Duration::from_secs(40),
        ..Settings::default()
    }
}

/// Settings for what is tried in vain more than once.
fn brief() -> Settings {
    Settings { total: Duration::from_secs(4), ..settings() }
}

/// Settings for what is never answered: a third of a second for an attempt, one second in all.
fn hasty() -> Settings {
    Settings { attempt: Duration::from_millis(300), total: Duration::from_secs(1), ..settings() }
}

/// Bodies of parts that are told apart by their first byte, which is their number.
fn parts(count: u8, size: usize) -> Vec<Part> {
    let body = |number: u8| {
        let mut body = vec![b'x'; size.max(1)];
        body[0] = number;
        body
    };
    (1..=count).map(|number| Part::bare(body(number))).collect()
}

/// The result of a delivery.
struct Seen {
    account: Account,
    progress: Vec<Progress>,
}

impl Seen {
    /// The one cause of all parts that failed.
    fn cause(&self) -> &str {
        let first = self.account.failed.first().expect("a part failed");
        let bare = |cause: &str| cause.split("; it may have").next().unwrap_or("").to_owned();
        for failed in &self.account.failed {
            assert_eq!(bare(&failed.cause), bare(&first.cause));
        }
        &first.cause
    }

    /// Numbers of the parts that failed.
    fn failed(&self) -> Vec<u8> {
        self.account.failed.iter().map(|failed| failed.part.body()[0]).collect()
    }
}

/// Delivers to a URL, and checks what holds for every delivery.
fn deliver_to(url: &str, settings: &Settings, parts: Vec<Part>) -> Seen {
    deliver_until(url, settings, parts, &|| false)
}

fn deliver_until(
    url: &str,
    settings: &Settings,
    parts: Vec<Part>,
    stop: &dyn Fn() -> bool,
) -> Seen {
    let endpoint = Endpoint::parse(url).unwrap();
    let client = Client::with_exchange(&endpoint, settings, EXCHANGE).unwrap();
    let numbers: Vec<u8> = parts.iter().map(|part| part.body()[0]).collect();
    let mut progress = Vec::new();
    let account = client.deliver(parts, stop, &mut |step| progress.push(step));
    assert_eq!(account.delivered + account.failed.len(), numbers.len(), "{account:?}");
    assert!(account.failed.iter().all(|failed| numbers.contains(&failed.part.body()[0])));
    let texts = account.failed.iter().map(|failed| &failed.cause).chain(&account.doubts);
    for text in texts {
        assert!(!text.is_empty() && !text.contains(['\n', '\r', '\u{1b}']), "{text:?}");
    }
    let shown = format!("{progress:?} {client:?} {settings:?} {:?}", Causes(&account));
    assert!(!shown.contains(SECRET), "{shown}");
    Seen { account, progress }
}

/// All that an account says in words.
struct Causes<'a>(&'a Account);

impl std::fmt::Debug for Causes<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let causes = self.0.failed.iter().map(|failed| &failed.cause);
        f.debug_list().entries(causes).entries(&self.0.doubts).finish()
    }
}

/// Delivers `count` small parts to a backend.
fn deliver(backend: &Backend, settings: &Settings, count: u8) -> Seen {
    deliver_to(&backend.url(), settings, parts(count, 100))
}

#[test]
fn each_backend_has_its_rules() {
    for kind in Kind::ALL {
        let request = rules(kind).exchange.request;
        assert!(request.path.starts_with('/'), "{kind}");
        assert!(request.content_type.contains('/'), "{kind}");
    }
}

#[test]
fn each_backend_has_its_fates() {
    // For each backend, whether a status without a body of its own leads to another attempt.
    for (status, again) in [
        (400, false),
        (401, false),
        (404, false),
        (413, false),
        (429, true),
        (502, true),
        (503, true),
        (504, true),
    ] {
        for kind in Kind::ALL {
            backend::watched(move || {
                let backend =
                    Backend::answering(status, "Retry-After: 3600\r\n", "<html>no</html>");
                let url = backend.url().replace("otlp", kind.name());
                let client = Client::new(Endpoint::parse(&url).unwrap(), settings()).unwrap();
                let account = client.deliver(parts(1, 10), &|| false, &mut |_| {});
                let cause = &account.failed[0].cause;
                assert_eq!(
                    cause.contains("asks to wait 3600 s"),
                    again,
                    "{kind} {status}: {cause}"
                );
                assert_eq!(backend.requests().len(), 1, "{kind} {status}");
            });
        }
    }
}

#[test]
fn bodies_go_as_each_backend_takes_them() {
    for kind in Kind::ALL {
        backend::watched(move || {
            let backend = Backend::answering(400, "", "");
            let url = backend.url().replace("otlp", kind.name());
            let client = Client::new(Endpoint::parse(&url).unwrap(), settings()).unwrap();
            let account = client.deliver(parts(1, 1000), &|| false, &mut |_| {});
            let (request, rules) = (&backend.requests()[0], rules(kind).exchange.request);
            assert!(request.head.starts_with(&format!("POST {} HTTP/1.1\r\n", rules.path)));
            assert_eq!(request.header("content-type"), Some(rules.content_type));
            assert_eq!(request.header("content-encoding"), rules.compress.then_some("gzip"));
            assert_eq!(account.bytes, request.body.len() as u64);
            let mut body = Vec::new();
            if rules.compress {
                let packed = flate2::read::GzDecoder::new(request.body.as_slice());
                { packed }.read_to_end(&mut body).unwrap();
            } else {
                body.clone_from(&request.body);
            }
            assert_eq!(account.failed[0].part.body(), body, "{kind}");
        });
    }
}

#[test]
fn times_without_end_do_not_overflow() {
    backend::watched(|| {
        let backend = Backend::answering(200, "", "");
        let endless = Settings { attempt: Duration::MAX, total: Duration::MAX, ..settings() };
        assert_eq!(deliver(&backend, &endless, 1).account.delivered, 1);
        let none = Settings { attempt: Duration::ZERO, total: Duration::ZERO, ..settings() };
        assert!(deliver(&backend, &none, 2).cause().contains("the time limit of"));
    });
}
