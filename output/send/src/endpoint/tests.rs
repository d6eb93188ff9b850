use super::*;

fn base(url: &str) -> String {
    Endpoint::parse(url).unwrap().base
}

#[test]
fn the_kinds_and_schemes_are_told_apart() {
    let parsed = Endpoint::parse("pyroscope+http://localhost:4040").unwrap();
    assert_eq!(parsed.backend, Backend::Pyroscope);
    assert_eq!(parsed.base, "http://localhost:4040");
    assert!(!parsed.is_encrypted());
    let parsed = Endpoint::parse("PARCA+HTTPS://Parca.Example/a/b/").unwrap();
    assert_eq!(parsed.backend, Backend::Parca);
    assert_eq!(parsed.base, "https://parca.example/a/b");
    assert!(parsed.is_encrypted());
    assert_eq!(parsed.port(), 443);
    assert_eq!(Endpoint::parse("otlp+http://c:4318").unwrap().backend, Backend::Otlp);
}

#[test]
fn an_endpoint_prints_as_it_was_given() {
    for url in ["otlp+http://127.0.0.1:4318/x", "pyroscope+https://[::1]:4040", "parca+http://h"] {
        let endpoint = Endpoint::parse(url).unwrap();
        assert_eq!(endpoint.to_string(), url);
        assert_eq!(Endpoint::parse(&endpoint.to_string()).unwrap(), endpoint);
    }
}

#[test]
fn hosts_and_ports_are_read() {
    let of = |url: &str| {
        let endpoint = Endpoint::parse(url).unwrap();
        (endpoint.host().to_owned(), endpoint.port())
    };
    assert_eq!(of("otlp+http://[2001:DB8::1]"), ("2001:db8::1".to_owned(), 80));
    assert_eq!(of("otlp+http://[::1]:4318/p:9"), ("::1".to_owned(), 4318));
    assert_eq!(of("otlp+https://10.0.0.1:1"), ("10.0.0.1".to_owned(), 1));
    assert_eq!(base("otlp+http://a:080"), "http://a:80");
}

#[test]
fn loopback_is_known() {
    let is = |host: &str| Endpoint::parse(&format!("otlp+http://{host}:1")).unwrap().is_loopback();
    for host in ["127.0.0.1", "127.9.9.9", "[::1]", "[::ffff:127.0.0.1]", "localhost", "LOCALHOST"]
    {
        assert!(is(host), "{host}");
    }
    for host in [
        "128.0.0.1",
        "[::2]",
        "localhost.example",
        "127.0.0.1.example",
        "0.0.0.0",
        "notlocalhost",
        "a.localhost",
    ] {
        assert!(!is(host), "{host}");
    }
}

#[test]
fn passwords_are_refused_and_never_repeated() {
    for url in [
        "pyroscope+https://user:hunter2@host",
        "pyroscope+https://hunter2@host",
        "pyroscope+https://user:hun/ter2@host",
        "pyroscope+https://user:hunter2?@host/",
        "https://user:hunter2@host",
        "hunter2://user:hunter2@host",
    ] {
        let error = Endpoint::parse(url).unwrap_err();
        assert!(error.contains("--push-password-file"), "{error}");
        assert!(error.contains("--push-token-file"), "{error}");
        assert!(!error.contains("hun") && !error.contains("ter2"), "{error}");
    }
}

#[test]
fn no_other_message_repeats_the_url() {
    for url in [
        "hunter2",
        "hunter2://h",
        "x+hunter2://h",
        "hunter2+http://h",
        "otlp+http://h?token=hunter2",
        "otlp+http://h#hunter2",
        "otlp+http://h:hunter2",
        "otlp+http://h/hun ter2",
        "otlp+http://h:0",
        "otlp+http://h:65536",
        "otlp+http://h:+1",
        "otlp+http://h:",
        "otlp+http://",
        "otlp+http:///p",
        "otlp+http://[::1",
        "otlp+http://[hunter2]",
        "otlp+http://[fe80::1%eth0]",
        "otlp+http://::1",
        "otlp+http://hün",
        "otlp+http://a..b",
        "otlp+http://a\r\nb",
        "otlp+ftp://h",
        "http://h",
        "",
    ] {
        let error = Endpoint::parse(url).unwrap_err();
        assert!(!error.contains("hunter2"), "{url}: {error}");
    }
}

#[test]
fn a_path_that_was_given_whole_is_not_appended_again() {
    let endpoint = Endpoint::parse("otlp+http://h/v1/profiles").unwrap();
    assert_eq!(endpoint.below("/v1/profiles"), "http://h/v1/profiles");
    assert_eq!(endpoint.below("/v2"), "http://h/v1/profiles/v2");
}
