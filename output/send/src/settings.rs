//! The settings of a delivery.

use crate::{Credentials, Secret};
use std::time::Duration;

/// The settings of a delivery.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The credentials.
    pub credentials: Credentials,
    /// The tenant, sent as `X-Scope-OrgID`.
    pub tenant: Option<String>,
    /// Further headers; their values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// Certificates in PEM that are trusted instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// The client's own certificate chain and its key, in PEM.
    pub identity: Option<(Vec<u8>, Secret)>,
    /// Whether credentials may be sent to other machines over plain http.
    pub plain_credentials: bool,
    /// The time for one attempt, plus a second for each 128 KiB of the body.
    pub attempt: Duration,
    /// The time for all parts and attempts together.
    pub total: Duration,
    /// The environment variables of [`Settings::ENVIRONMENT`] that are set, by name. No others are read. The values are secrets, since a
    /// proxy's URL may contain a password.
    pub environment: Vec<(String, Secret)>,
}

impl Settings {
    /// The names of the variables that count: the proxy for each scheme, the hosts that need no proxy (`example.com` with all names below
    /// it, addresses, networks such as `10.0.0.0/8`, or `*`), and the file of certificates that the system trusts. Lower case takes
    /// precedence over upper case.
    pub const ENVIRONMENT: [&str; 9] = [
        "http_proxy",
        "HTTP_PROXY",
        "https_proxy",
        "HTTPS_PROXY",
        "all_proxy",
        "ALL_PROXY",
        "no_proxy",
        "NO_PROXY",
        "SSL_CERT_FILE",
    ];

    /// The value of a variable, by its name in lower case or upper case. An empty value counts as none.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let of = |name: &str| {
            let found = self.environment.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.expose()).filter(|value| !value.is_empty())
        };
        of(&name.to_ascii_lowercase()).or_else(|| of(&name.to_ascii_uppercase()))
    }
}

impl Default for Settings {
    /// No credentials, ten seconds for an attempt, one minute in all, no proxy.
    fn default() -> Self {
        Self {
            credentials: Credentials::None,
            tenant: None,
            headers: Vec::new(),
            ca: None,
            identity: None,
            plain_credentials: false,
            attempt: Duration::from_secs(10),
            total: Duration::from_secs(60),
            environment: Vec::new(),
        }
    }
}
