//! Answers of every kind.

use super::backend::{Backend, watched};
use super::{brief, deliver, deliver_to, hasty, parts, settings};
use flate2::{Compression, read::GzEncoder};
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The bytes that answer one request. After them, the connection ends.
fn saying(bytes: impl Into<Vec<u8>>) -> Backend {
    let bytes = bytes.into();
    Backend::start(move |connection| {
        connection.request();
        connection.send(&bytes);
    })
}

#[test]
fn every_form_of_a_good_answer_is_understood() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
        "HTTP/1.1 204 No Content\r\n\r\n",
        "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nup to the end",
        "HTTP/1.0 200 OK\r\n\r\nold",
        "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nok\r\n0\r\nX: y\r\n\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
    ] {
        watched(move || {
            let seen = deliver(&saying(answer), &settings(), 1);
            assert_eq!((seen.account.delivered, seen.account.attempts), (1, 1), "{answer}");
            assert!(seen.account.doubts.is_empty());
        });
    }
}

#[test]
fn a_body_that_breaks_off_does_not_undo_its_status() {
    for answer in [
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nno number\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\nContent-Encoding: gzip\r\n\r\nbad",
    ] {
        watched(move || {
            let seen = deliver(&saying(answer), &settings(), 1);
            assert_eq!((seen.account.delivered, seen.account.attempts), (1, 1), "{answer}");
        });
    }
}

#[test]
fn a_status_counts_although_its_body_never_ends() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.request();
            connection.send("HTTP/1.1 400 No\r\nContent-Length: 100\r\n\r\nbad labels");
            connection.wait();
        });
        let mut settings = settings();
        settings.attempt = std::time::Duration::from_secs(3);
        let seen = deliver(&backend, &settings, 1);
        assert_eq!(seen.cause(), "status 400: bad labels");
    });
}

#[test]
fn what_is_no_http_is_told_and_not_tried_again() {
    let flood = format!("HTTP/1.1 200 OK\r\n{}", "X-Flood: yes\r\n".repeat(100_000));
    let long = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(1 << 20));
    let many = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X: y\r\n".repeat(1000));
    let bad = "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab";
    for answer in ["SSH-2.0-OpenSSH_9.9\r\n", "\0\0\0\x04\0\0\0\0\0", &flood, &long, &many, bad] {
        let answer = answer.to_owned();
        watched(move || {
            let backend = saying(answer.as_str());
            let seen = deliver(&backend, &settings(), 2);
            let start: String = answer.chars().take(60).collect();
            assert_eq!(seen.failed(), [1, 2], "{start:?}");
            assert_eq!(seen.account.attempts, 1, "{start:?} {}", seen.cause());
        });
    }
}

#[test]
fn hints_without_end_are_given_up() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.request();
            while connection.send("HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n") {}
        });
        assert_eq!(deliver(&backend, &hasty(), 1).failed(), [1]);
    });
}

#[test]
fn ten_gigabytes_are_not_read() {
    watched(|| {
        let sent = Arc::new(AtomicU64::new(0));
        let to_count = Arc::clone(&sent);
        let backend = Backend::start(move |connection| {
            connection.request();
            connection.send("HTTP/1.1 400 No\r\nContent-Length: 10737418240\r\n\r\n");
            let block = vec![b'y'; 1 << 20];
            while connection.send(&block) && to_count.fetch_add(1, Ordering::SeqCst) < 10_240 {}
        });
        let seen = deliver(&backend, &settings(), 2);
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().starts_with("status 400: yyy"), "{}", seen.cause());
        assert!(sent.load(Ordering::SeqCst) < 128, "only what the system's buffers hold was taken");
    });
}

#[test]
fn a_compressed_answer_is_read_and_a_bomb_is_not() {
    watched(|| {
        let gzip = |bytes: &mut dyn Read| {
            let mut packed = Vec::new();
            GzEncoder::new(bytes, Compression::best()).read_to_end(&mut packed).unwrap();
            let head = format!(
                "HTTP/1.1 400 No\r\nContent-Encoding: gzip\r\nContent-Length: {}\r\n\r\n",
                packed.len()
            );
            [head.into_bytes(), packed].concat()
        };
        let seen = deliver(&saying(gzip(&mut &b"bad labels"[..])), &settings(), 1);
        assert_eq!(seen.cause(), "status 400: bad labels");
        // 32 MB of one letter in 32 kB; `judge` checks what is kept.
        let bomb = gzip(&mut std::io::repeat(b'z').take(32 << 20));
        let seen = deliver(&saying(bomb), &settings(), 1);
        assert!(seen.cause().starts_with("status 400: zzz"), "{}", seen.cause());
    });
}

#[test]
fn busy_backends_are_asked_again() {
    watched(|| {
        for (status, headers) in
            [(429, "Retry-After: 1\r\n"), (500, ""), (503, "Retry-After: 0\r\n")]
        {
            let backend = Backend::start(move |connection| {
                let mut first = connection.number == 0;
                while connection.request().is_some() {
                    connection.answer(if first { status } else { 200 }, headers, "busy");
                    first = false;
                }
            });
            let seen = deliver(&backend, &settings(), 2);
            assert_eq!((seen.account.delivered, seen.account.attempts), (2, 3), "{status}");
            assert!(seen.account.doubts.is_empty(), "it was answered");
        }
        let never = Backend::answering(500, "", "out of disk");
        let seen = deliver(&never, &brief(), 2);
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().contains("out of disk"), "{}", seen.cause());
        assert!(never.requests().len() > 1);
        let far = Backend::answering(429, "Retry-After: 86400\r\n", "");
        let seen = deliver(&far, &settings(), 2);
        assert_eq!((seen.failed(), seen.account.attempts), (vec![1, 2], 1));
        assert!(seen.cause().contains("it asks to wait 86400 s"), "{}", seen.cause());
    });
}

#[test]
fn a_refusal_before_the_body_was_read_is_heard() {
    watched(|| {
        let backend = Backend::start(|connection| {
            connection.head();
            connection.answer(413, "Connection: close\r\n", "too large");
            // Closed with most of the body unread: the sender's next write fails.
        });
        let seen = deliver_to(&backend.url(), &settings(), parts(2, 32 << 20));
        assert_eq!(seen.failed(), [1, 2], "each is refused on its own");
        assert_eq!(seen.account.attempts, 2, "{}", seen.cause());
        assert_eq!(seen.cause(), "status 413: too large");
    });
}

#[test]
fn refusals_are_for_one_part_or_for_all() {
    watched(|| {
        let backend = Backend::start(|connection| {
            while let Some(request) = connection.request() {
                let status = if request.body[0] == 2 { 400 } else { 200 };
                connection.answer(status, "", "no\u{1b}[31m");
            }
        });
        let seen = deliver(&backend, &settings(), 3);
        assert_eq!((seen.account.delivered, seen.failed()), (2, vec![2]));
        for status in [401, 403, 404] {
            let backend = Backend::answering(status, "", "");
            let seen = deliver(&backend, &settings(), 3);
            assert_eq!((seen.failed(), seen.account.attempts), (vec![1, 2, 3], 1));
            assert!(seen.cause().contains(&status.to_string()), "{}", seen.cause());
        }
        let partly = Backend::answering(206, "", "two samples");
        let seen = deliver(&partly, &settings(), 1);
        assert_eq!((seen.account.delivered, seen.account.attempts), (0, 1));
        assert_eq!(seen.cause(), "status 206: two samples; the rest of the part has arrived");
    });
}
