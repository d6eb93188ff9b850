//! Secrets go where they belong and nowhere else.

use super::backend::{Backend, watched};
use super::{SECRET, base64, deliver, settings};
use crate::{Client, Credentials, Endpoint, Secret, Settings};

fn secret() -> Secret {
    Secret::new(SECRET.to_owned())
}

/// All the ways in which a secret is sent.
fn all_with_secrets() -> [Settings; 3] {
    [
        Settings { credentials: Credentials::Basic("me".to_owned(), secret()), ..settings() },
        Settings { credentials: Credentials::Bearer(secret()), ..settings() },
        Settings { headers: vec![("X-Key".to_owned(), secret())], ..settings() },
    ]
}

#[test]
fn credentials_reach_the_backend() {
    watched(|| {
        let [basic, bearer, header] = all_with_secrets();
        let sent = |settings: &Settings, name: &str| {
            let backend = Backend::answering(200, "", "");
            assert_eq!(deliver(&backend, settings, 1).account.delivered, 1);
            backend.requests()[0].header(name).map(str::to_owned)
        };
        let pair = base64(format!("me:{SECRET}").as_bytes());
        assert_eq!(sent(&basic, "Authorization").unwrap(), format!("Basic {pair}"));
        assert_eq!(sent(&bearer, "Authorization").unwrap(), format!("Bearer {SECRET}"));
        assert_eq!(sent(&header, "X-Key").unwrap(), SECRET);
        let tenant = Settings { tenant: Some("team-a".to_owned()), ..settings() };
        assert_eq!(sent(&tenant, "X-Scope-OrgID").unwrap(), "team-a");
    });
}

#[test]
fn a_backend_that_repeats_secrets_is_not_quoted() {
    watched(|| {
        for settings in all_with_secrets() {
            // `deliver` checks that no text shows the secret; its base64 is checked here.
            let pair = base64(format!("me:{SECRET}").as_bytes());
            for status in [200, 206, 400, 401, 302] {
                let backend = Backend::start(move |connection| {
                    while let Some(request) = connection.request() {
                        let headers = format!("Location: http://h/{SECRET}\r\n");
                        connection.answer(status, &headers, &request.head.replace("\r\n", " "));
                    }
                });
                let seen = deliver(&backend, &settings, 2);
                let texts = format!("{:?} {:?}", seen.account.doubts, seen.progress);
                let causes = seen.account.failed.iter().map(|failed| failed.cause.as_str());
                let texts = causes.fold(texts, |texts, cause| texts + cause);
                assert!(!texts.contains(&pair), "{texts}");
            }
        }
    });
}

#[test]
fn plain_http_carries_no_credentials_to_other_machines() {
    for url in [
        "otlp+http://backend.example:4040",
        "pyroscope+http://10.1.2.3",
        "parca+http://[2001:db8::1]",
    ] {
        let endpoint = Endpoint::parse(url).unwrap();
        for settings in all_with_secrets() {
            let error = Client::new(endpoint.clone(), settings.clone()).unwrap_err();
            assert!(error.contains("--push-plain-credentials"), "{error}");
            assert!(!error.contains(SECRET), "{error}");
            let allowed = Settings { plain_credentials: true, ..settings };
            assert!(Client::new(endpoint.clone(), allowed).is_ok());
        }
        let tenant = Settings { tenant: Some("team-a".to_owned()), ..settings() };
        assert!(Client::new(endpoint, tenant).is_ok(), "a tenant is no secret");
    }
    for url in ["otlp+https://backend.example", "otlp+http://localhost:1", "otlp+http://[::1]:1"] {
        for settings in all_with_secrets() {
            assert!(Client::new(Endpoint::parse(url).unwrap(), settings).is_ok(), "{url}");
        }
    }
}
