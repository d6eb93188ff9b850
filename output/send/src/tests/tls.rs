//! Whom TLS trusts, and what is said where it does not.

use super::backend::{Backend, Connection, watched};
use super::certificates::{Authority, Holds, Identity};
use super::{SECRET, deliver, deliver_to, hasty, parts, settings};
use crate::{Client, Credentials, Endpoint, Secret, Settings};

fn answer_all(connection: &mut Connection) {
    while connection.request().is_some() && connection.answer(200, "", "") {}
}

/// Settings that trust an authority, with a secret to lose.
fn trusting(pem: Vec<u8>) -> Settings {
    let credentials = Credentials::Bearer(Secret::new(SECRET.to_owned()));
    Settings { ca: Some(pem), credentials, ..settings() }
}

/// The cause where a server shows a certificate that is no good; nothing of a request may have arrived.
fn refused(server: &Identity, ca: Vec<u8>) -> String {
    let backend = Backend::tls(server.server(None), answer_all);
    let seen = deliver(&backend, &trusting(ca), 2);
    assert_eq!((seen.failed(), seen.account.attempts), (vec![1, 2], 1), "{}", seen.cause());
    assert!(backend.requests().is_empty(), "a request went to a server that is not trusted");
    seen.cause().to_owned()
}

#[test]
fn a_trusted_server_gets_all_parts_over_one_connection() {
    watched(|| {
        let authority = Authority::new("ours");
        let backend =
            Backend::tls(authority.sign(&["127.0.0.1"], Holds::Now).server(None), answer_all);
        // One of several in the file, with words around them.
        let file =
            [b"# trusted\n".to_vec(), Authority::new("other").pem(), authority.pem()].concat();
        let seen = deliver_to(&backend.url(), &trusting(file), parts(3, 1 << 20));
        assert_eq!(seen.account.delivered, 3);
        assert_eq!(backend.connections(), 1);
        assert_eq!(backend.requests()[2].body.len(), 1 << 20);
        let bearer = format!("Bearer {SECRET}");
        assert_eq!(backend.requests()[0].header("authorization"), Some(bearer.as_str()));
    });
}

#[test]
fn the_systems_file_of_certificates_counts() {
    watched(|| {
        let authority = Authority::new("ours");
        let backend =
            Backend::tls(authority.sign(&["127.0.0.1"], Holds::Now).server(None), answer_all);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), authority.pem()).unwrap();
        let path = Secret::new(file.path().to_str().unwrap().to_owned());
        let mut settings = settings();
        settings.environment = vec![("SSL_CERT_FILE".to_owned(), path)];
        assert_eq!(deliver(&backend, &settings, 1).account.delivered, 1);
        settings.environment.clear();
        let seen = deliver(&backend, &settings, 1);
        assert!(seen.cause().contains("not signed by a trusted authority"), "{}", seen.cause());
    });
}

#[test]
fn a_server_that_cannot_be_trusted_gets_nothing() {
    watched(|| {
        let authority = Authority::new("ours");
        let here = ["127.0.0.1"];
        let unknown = Authority::new("other").sign(&here, Holds::Now);
        let cause = refused(&unknown, authority.pem());
        assert!(
            cause.contains("not signed by a trusted authority") && cause.contains("--push-ca"),
            "{cause}"
        );
        let cause = refused(&authority.sign(&here, Holds::NoMore), authority.pem());
        assert!(cause.contains("has expired"), "{cause}");
        let cause = refused(&authority.sign(&here, Holds::NotYet), authority.pem());
        assert!(cause.contains("not valid yet"), "{cause}");
        let cause =
            refused(&authority.sign(&["other.example", "127.0.0.2"], Holds::Now), authority.pem());
        assert!(cause.contains("for another host"), "{cause}");
        let itself = Identity::of_itself("127.0.0.1");
        let cause = refused(&itself, itself.certificate_pem());
        assert!(cause.contains("CA:TRUE"), "{cause}");
    });
}

#[test]
fn a_client_shows_its_certificate_where_it_is_asked_to() {
    watched(|| {
        let authority = Authority::new("ours");
        let server = authority.sign(&["127.0.0.1"], Holds::Now).server(Some(&authority));
        let backend = Backend::tls(server, answer_all);
        let with = |identity: Option<Identity>| {
            let identity = identity
                .map(|identity| (identity.certificate_pem(), Secret::new(identity.key_pem())));
            deliver(&backend, &Settings { identity, ..trusting(authority.pem()) }, 2)
        };
        assert_eq!(with(Some(authority.sign(&["me"], Holds::Now))).account.delivered, 2);
        let cause = with(None).cause().to_owned();
        assert!(cause.contains("requires a client certificate"), "{cause}");
        assert!(!cause.contains("arrived"), "{cause}");
        for wrong in [
            Authority::new("other").sign(&["me"], Holds::Now),
            authority.sign(&["me"], Holds::NoMore),
        ] {
            let seen = with(Some(wrong));
            assert_eq!(seen.failed(), [1, 2]);
            assert!(
                seen.cause().contains("does not accept the client certificate"),
                "{}",
                seen.cause()
            );
        }
    });
}

#[test]
fn a_refusal_before_the_body_was_read_is_heard_through_tls() {
    watched(|| {
        let authority = Authority::new("ours");
        let server = authority.sign(&["127.0.0.1"], Holds::Now).server(None);
        let backend = Backend::tls(server, |connection| {
            connection.head();
            connection.answer(413, "Connection: close\r\n", "too large");
        });
        let seen = deliver_to(&backend.url(), &trusting(authority.pem()), parts(2, 32 << 20));
        assert_eq!((seen.failed(), seen.cause()), (vec![1, 2], "status 413: too large"));
    });
}

#[test]
fn http_and_https_are_told_apart() {
    watched(|| {
        let plain = Backend::start(|connection| {
            connection.head();
            connection.answer(400, "", "");
        });
        let url = plain.url().replace("http:", "https:");
        let seen = deliver_to(&url, &settings(), parts(1, 10));
        assert!(seen.cause().contains("does not speak TLS"), "{}", seen.cause());
        let authority = Authority::new("ours");
        let tls = Backend::tls(authority.sign(&["127.0.0.1"], Holds::Now).server(None), answer_all);
        let seen = deliver_to(&tls.url().replace("https:", "http:"), &hasty(), parts(1, 10));
        assert_eq!(seen.failed(), [1]);
    });
}

#[test]
fn a_handshake_that_is_never_answered_is_given_up() {
    watched(|| {
        let silent = Backend::start(|connection| connection.wait());
        let seen = deliver_to(&silent.url().replace("http:", "https:"), &hasty(), parts(2, 10));
        assert_eq!(seen.failed(), [1, 2]);
        assert!(seen.cause().contains("within"), "{}", seen.cause());
    });
}

#[test]
fn files_that_are_no_good_are_told_before_anything_is_sent() {
    let authority = Authority::new("ours");
    let (one, two) = (authority.sign(&["a"], Holds::Now), authority.sign(&["b"], Holds::Now));
    let refuse = |settings: Settings| {
        let error = Client::new(Endpoint::parse("otlp+https://h").unwrap(), settings).unwrap_err();
        assert!(!error.contains(SECRET), "{error}");
        error
    };
    for (ca, word) in [
        (b"".to_vec(), "no certificate"),
        (SECRET.as_bytes().to_vec(), "no certificate"),
        (one.key_pem().into_bytes(), "no certificate"),
        (b"-----BEGIN CERTIFICATE-----\n????\n-----END CERTIFICATE-----\n".to_vec(), "damaged"),
        (
            b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".to_vec(),
            "cannot be trusted",
        ),
    ] {
        let error = refuse(Settings { ca: Some(ca), ..settings() });
        assert!(error.contains(word) && error.contains("--push-ca"), "{error}");
    }
    let key = |text: String| Secret::new(text);
    for (certificate, key, word) in [
        (one.certificate_pem(), key(two.key_pem()), "does not belong"),
        (one.certificate_pem(), key(SECRET.to_owned()), "no private key"),
        (one.key_pem().into_bytes(), key(one.key_pem()), "no certificate"),
        (
            one.certificate_pem(),
            key("-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n".to_owned()),
            "unsupported kind",
        ),
    ] {
        let error = refuse(Settings { identity: Some((certificate, key)), ..settings() });
        assert!(error.contains(word), "{error}");
    }
    let mut missing = settings();
    missing.environment =
        vec![("SSL_CERT_FILE".to_owned(), Secret::new("/nonexistent/x".to_owned()))];
    assert!(refuse(missing).contains("SSL_CERT_FILE"));
}
