//! Redirects are told, and never followed.

use super::backend::{Backend, watched};
use super::{SECRET, deliver, settings};
use crate::{Credentials, Secret};

#[test]
fn nothing_goes_where_a_redirect_leads() {
    watched(|| {
        let other = Backend::answering(200, "", "");
        for status in [301, 302, 303, 307, 308] {
            for credentials in
                [Credentials::None, Credentials::Bearer(Secret::new(SECRET.to_owned()))]
            {
                let place = format!("http://me:{SECRET}@{}/login?token={SECRET}", other.address());
                let backend = Backend::start(move |connection| {
                    while connection.request().is_some() {
                        connection.answer(status, &format!("Location: {place}\r\n"), "moved");
                    }
                });
                let settings = crate::Settings { credentials, ..settings() };
                let seen = deliver(&backend, &settings, 3);
                assert_eq!((seen.failed(), seen.account.attempts), (vec![1, 2, 3], 1));
                let named =
                    format!("redirects to http://{}/login (status {status})", other.address());
                assert!(seen.cause().contains(&named), "{}", seen.cause());
            }
        }
        assert_eq!(other.connections(), 0, "nobody came");
    });
}

#[test]
fn a_redirect_to_the_same_place_is_not_followed_either() {
    watched(|| {
        let backend = Backend::answering(308, "Location: /push/\r\n", "");
        let seen = deliver(&backend, &settings(), 1);
        assert!(seen.cause().contains("redirects to /push/"), "{}", seen.cause());
        assert_eq!(backend.requests().len(), 1);
        let nowhere = Backend::answering(302, "", "");
        assert!(deliver(&nowhere, &settings(), 1).cause().contains("redirects (status 302)"));
    });
}
