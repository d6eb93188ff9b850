//! Proxies, with a backend that nobody but the proxy knows.

use super::backend::{Backend, Connection, watched};
use super::certificates::{Authority, Holds};
use super::{SECRET, base64, brief, deliver_to, hasty, parts, settings};
use crate::{Secret, Settings};
use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

/// A name that has no address.
const BACKEND: &str = "otlp+http://backend.invalid:4040";

fn through(variable: &str, proxy: &str, settings: Settings) -> Settings {
    Settings { environment: vec![(variable.to_owned(), Secret::new(proxy.to_owned()))], ..settings }
}

fn answer_all(connection: &mut Connection, status: u16) {
    while connection.request().is_some() && connection.answer(status, "", "from the proxy") {}
}

#[test]
fn plain_http_is_forwarded_with_the_whole_url() {
    watched(|| {
        let proxy = Backend::start(|connection| answer_all(connection, 200));
        let url = format!("http://me:{SECRET}@{}", proxy.address());
        let settings = through("HTTP_PROXY", &url, settings());
        let seen = deliver_to(BACKEND, &settings, parts(2, 300_000));
        assert_eq!(seen.account.delivered, 2);
        for (index, request) in proxy.requests().iter().enumerate() {
            let line = "POST http://backend.invalid:4040/push HTTP/1.1\r\n";
            assert!(request.head.starts_with(line), "{}", request.head);
            assert_eq!(request.header("host"), Some("backend.invalid:4040"));
            let pair = base64(format!("me:{SECRET}").as_bytes());
            assert_eq!(
                request.header("proxy-authorization"),
                Some(format!("Basic {pair}").as_str())
            );
            assert_eq!((usize::from(request.body[0]), request.body.len()), (index + 1, 300_000));
        }
    });
}

#[test]
fn a_proxy_that_refuses_is_told() {
    watched(|| {
        let proxy = Backend::start(|connection| answer_all(connection, 407));
        let url = format!("http://me:{SECRET}@{}", proxy.address());
        let seen = deliver_to(BACKEND, &through("http_proxy", &url, settings()), parts(2, 10));
        assert_eq!((seen.failed(), seen.account.attempts), (vec![1, 2], 1));
        assert!(seen.cause().contains("407"), "{}", seen.cause());
    });
}

/// Joins two connections until both have ended.
fn join(one: &TcpStream, other: &TcpStream) {
    let copy = |from: &TcpStream, to: &TcpStream| {
        let (mut from, mut to) = (from, to);
        let _ = std::io::copy(&mut from, &mut to);
        let _ = to.shutdown(Shutdown::Write);
    };
    std::thread::scope(|scope| {
        scope.spawn(|| copy(one, other));
        copy(other, one);
    });
}

#[test]
fn tls_goes_through_a_tunnel() {
    watched(|| {
        let authority = Authority::new("ours");
        let server = authority.sign(&["backend.invalid"], Holds::Now).server(None);
        let backend = Backend::tls(server, |connection| answer_all(connection, 200));
        let (to, (give, heads)) = (backend.address(), channel());
        let proxy = Backend::start(move |connection| {
            give.send(connection.head().unwrap()).unwrap();
            connection.send("HTTP/1.1 200 Connection established\r\n\r\n");
            join(connection.tcp(), &TcpStream::connect(to).unwrap());
        });
        let url = format!("http://me:{SECRET}@{}", proxy.address());
        let mut settings = through("https_proxy", &url, settings());
        settings.ca = Some(authority.pem());
        let seen = deliver_to("otlp+https://backend.invalid", &settings, parts(3, 300_000));
        assert_eq!((seen.account.delivered, proxy.connections()), (3, 1));
        let head = heads.recv().unwrap();
        assert!(head.starts_with("CONNECT backend.invalid:443 HTTP/1.1\r\n"), "{head}");
        let pair = base64(format!("me:{SECRET}").as_bytes());
        assert!(head.contains(&format!("Proxy-Authorization: Basic {pair}\r\n")), "{head}");
        assert!(backend.requests().iter().all(|r| r.header("proxy-authorization").is_none()));
    });
}

/// A SOCKS5 proxy for one connection to `to`; tells the name that it was asked for.
fn socks(to: SocketAddr) -> (SocketAddr, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let (address, (give, asked)) = (listener.local_addr().unwrap(), channel());
    std::thread::spawn(move || {
        let mut client = listener.accept().unwrap().0;
        let take = |count: usize| {
            let mut bytes = vec![0; count];
            (&client).read_exact(&mut bytes).unwrap();
            bytes
        };
        let methods = take(2)[1];
        take(usize::from(methods));
        (&client).write_all(&[5, 0]).unwrap();
        let request = take(5);
        assert_eq!(request[..4], [5, 1, 0, 3], "a connection to a name");
        let name = take(usize::from(request[4]) + 2);
        give.send(String::from_utf8_lossy(&name[..name.len() - 2]).into_owned()).unwrap();
        client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0]).unwrap();
        join(&client, &TcpStream::connect(to).unwrap());
    });
    (address, asked)
}

#[test]
fn socks_proxies_are_used() {
    watched(|| {
        let backend = Backend::start(|connection| answer_all(connection, 200));
        let (address, asked) = socks(backend.address());
        let settings = through("ALL_PROXY", &format!("socks5h://{address}"), settings());
        assert_eq!(deliver_to(BACKEND, &settings, parts(2, 10)).account.delivered, 2);
        assert_eq!(asked.recv().unwrap(), "backend.invalid");
        assert!(backend.requests()[0].head.starts_with("POST /push "), "not forwarded");
    });
}

#[test]
fn a_tunnel_that_is_refused_is_told() {
    watched(|| {
        for (status, again) in [(407, false), (403, false), (503, true)] {
            let proxy = Backend::start(move |connection| {
                connection.head();
                connection.answer(status, "", "");
            });
            let url = format!("http://me:{SECRET}@{}", proxy.address());
            let settings = through("https_proxy", &url, brief());
            let seen = deliver_to("otlp+https://backend.invalid", &settings, parts(2, 10));
            assert_eq!(seen.failed(), [1, 2]);
            let cause = seen.cause();
            assert!(cause.contains("proxy") && cause.contains(&status.to_string()), "{cause}");
            assert_eq!(seen.account.attempts > 1, again, "{status}");
        }
    });
}

#[test]
fn a_missing_proxy_is_told_as_such() {
    watched(|| {
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let proxy = format!("http://{address}");
        for (variable, url) in
            [("http_proxy", BACKEND), ("https_proxy", "otlp+https://backend.invalid")]
        {
            let seen = deliver_to(url, &through(variable, &proxy, hasty()), parts(1, 10));
            assert!(seen.cause().contains(&format!("the proxy {address}")), "{}", seen.cause());
        }
    });
}

#[test]
fn loopback_and_exempt_hosts_go_directly() {
    watched(|| {
        let proxy = Backend::start(|connection| answer_all(connection, 200));
        let backend = Backend::answering(200, "", "");
        let url = format!("http://{}", proxy.address());
        let settings = through("all_proxy", &url, settings());
        assert_eq!(deliver_to(&backend.url(), &settings, parts(1, 10)).account.delivered, 1);
        let mut exempt = settings.clone();
        exempt.environment.push(("NO_PROXY".to_owned(), Secret::new("x, .invalid".to_owned())));
        assert_eq!(deliver_to(BACKEND, &exempt, parts(1, 10)).failed(), [1]);
        assert_eq!((backend.connections(), proxy.connections()), (1, 0));
    });
}
