//! Connections that are slow, silent, cut or missing.

use super::backend::{Backend, watched};
use super::{brief, deliver, deliver_to, deliver_until, hasty, parts, settings};
use crate::Progress;
use std::io::Read;
use std::net::{Shutdown, TcpListener};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::time::Duration;

#[test]
fn parts_go_over_one_connection() {
    watched(|| {
        let backend = Backend::answering(200, "", "");
        let seen = deliver(&backend, &settings(), 3);
        assert_eq!((seen.account.delivered, seen.account.attempts), (3, 3));
        assert_eq!(seen.account.bytes, 300);
        assert_eq!(backend.connections(), 1);
        let requests = backend.requests();
        let numbers: Vec<u8> = requests.iter().map(|request| request.body[0]).collect();
        assert_eq!(numbers, [1, 2, 3], "in their order");
        assert!(requests[0].head.starts_with("POST /push HTTP/1.1\r\n"), "{}", requests[0].head);
        let header = |name: &str| requests[0].header(name).map(str::to_owned);
        assert_eq!(header("content-length").unwrap(), "100");
        assert_eq!(header("content-type").unwrap(), "application/test");
        assert_eq!(header("x-kind").unwrap(), "test");
        assert_eq!(header("host").unwrap(), backend.address().to_string());
        assert!(header("user-agent").unwrap().starts_with("bpflame/"));
        assert_eq!(header("authorization"), None);
    });
}

#[test]
fn nothing_listens() {
    watched(|| {
        // A port that was just free.
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let seen = deliver_to(&format!("otlp+http://{address}"), &brief(), parts(3, 100));
        assert_eq!(seen.failed(), [1, 2, 3]);
        assert!(seen.cause().contains("connection refused"), "{}", seen.cause());
        assert!(seen.account.attempts > 1, "it is tried again");
        assert!(seen.progress.iter().any(|step| matches!(step, Progress::Waiting { .. })));
        assert_eq!(seen.account.bytes, 0);
    });
}

#[test]
fn a_host_that_is_not_known_is_not_tried_again() {
    watched(|| {
        // Names below `invalid` have no address, nowhere.
        let seen = deliver_to("otlp+http://bpflame.invalid:4040", &settings(), parts(2, 100));
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().contains("is unknown"), "{}", seen.cause());
    });
}

#[test]
fn a_silent_backend_is_given_up() {
    watched(|| {
        let backend = Backend::start(|connection| connection.wait());
        let seen = deliver(&backend, &hasty(), 2);
        assert_eq!(seen.failed(), [1, 2]);
        let cause = &seen.account.failed[0].cause;
        assert!(cause.contains("no answer from") && cause.contains("may have arrived"), "{cause}");
        assert!(!seen.account.failed[1].cause.contains("may have arrived"), "it was never sent");
    });
}

#[test]
fn an_answer_that_drips_is_given_up() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.request();
            for byte in b"HTTP/1.1 200 OK\r\nX-Long: ".iter().chain(std::iter::repeat(&b'x')) {
                if !connection.send([*byte]) {
                    return;
                }
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let seen = deliver(&backend, &hasty(), 1);
        assert!(seen.cause().contains("no answer from"), "{}", seen.cause());
    });
}

#[test]
fn a_backend_that_reads_nothing_is_given_up() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.head();
            while connection.tcp().peek(&mut [0]).is_ok_and(|count| count > 0) {
                std::thread::sleep(Duration::from_millis(20));
                if connection.tcp().take_error().is_ok_and(|error| error.is_some()) {
                    return;
                }
            }
        });
        let seen = deliver_to(&backend.url(), &hasty(), parts(2, 64 << 20));
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().contains("no answer from"), "{}", seen.cause());
        assert!(
            !seen.account.failed[0].cause.contains("may have arrived"),
            "it was not sent whole"
        );
    });
}

#[test]
fn a_backend_that_reads_drop_by_drop_is_given_up() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.head();
            let mut tcp = connection.tcp();
            while tcp.read(&mut [0; 65536]).is_ok_and(|count| count > 0) {
                std::thread::sleep(Duration::from_millis(20));
            }
        });
        let seen = deliver_to(&backend.url(), &hasty(), parts(1, 64 << 20));
        assert!(seen.cause().contains("no answer from"), "{}", seen.cause());
    });
}

#[test]
fn a_reset_in_the_middle_is_tried_again() {
    watched(|| {
        let backend = Backend::start(|connection| {
            if connection.number < 2 {
                // With bytes unread, closing resets.
                connection.head();
                return;
            }
            while connection.request().is_some() && connection.answer(200, "", "") {}
        });
        let seen = deliver_to(&backend.url(), &settings(), parts(2, 4 << 20));
        assert_eq!((seen.account.delivered, seen.account.attempts), (2, 4));
        assert!(seen.account.doubts.is_empty(), "it was not sent whole: {:?}", seen.account.doubts);
    });
}

#[test]
fn a_connection_closed_without_an_answer_may_have_delivered() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.request();
            if connection.number > 0 {
                connection.answer(200, "", "");
            }
        });
        let seen = deliver(&backend, &settings(), 1);
        assert_eq!((seen.account.delivered, seen.account.attempts), (1, 2));
        assert!(
            seen.account.doubts[0].contains("may have arrived twice"),
            "{:?}",
            seen.account.doubts
        );
        let never = Backend::start(|connection| drop(connection.request()));
        let seen = deliver(&never, &hasty(), 1);
        assert!(seen.cause().contains("closed the connection"), "{}", seen.cause());
    });
}

#[test]
fn a_connection_that_was_closed_between_parts_is_made_anew() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.request();
            connection.answer(200, "", "");
            let _ = connection.tcp().shutdown(Shutdown::Both);
        });
        let seen = deliver(&backend, &settings(), 3);
        assert_eq!(seen.account.delivered, 3);
        assert_eq!(backend.requests().iter().map(|r| r.body[0]).max(), Some(3));
    });
}

#[test]
fn a_stop_ends_an_attempt_and_a_wait_at_once() {
    watched(|| {
        let asked = Arc::new(AtomicBool::new(false));
        let (at_request, (give, cut)) = (Arc::clone(&asked), channel());
        let backend = Backend::start(move |connection| {
            connection.request();
            at_request.store(true, Ordering::SeqCst);
            connection.wait();
            give.send(()).unwrap();
        });
        // Times that the watchdog would not wait for.
        let mut patient = settings();
        (patient.attempt, patient.total) = (Duration::from_secs(3600), Duration::from_secs(7200));
        let stop = || asked.load(Ordering::SeqCst);
        let seen = deliver_until(&backend.url(), &patient, parts(3, 100), &stop);
        assert_eq!(seen.failed(), [1, 2, 3]);
        assert!(
            seen.account.failed[1].cause.contains("cancelled"),
            "{}",
            seen.account.failed[1].cause
        );
        cut.recv().expect("the connection was cut, not left open");

        let busy = Backend::answering(503, "Retry-After: 3600\r\n", "");
        let stop = || !busy.requests().is_empty();
        let seen = deliver_until(&busy.url(), &patient, parts(2, 100), &stop);
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().contains("cancelled"), "{}", seen.cause());
    });
}
