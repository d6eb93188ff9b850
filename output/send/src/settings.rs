//! The settings of a delivery.

use crate::{Credentials, Secret};
use std::time::Duration;

/// The settings of a delivery.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The credentials.
    pub credentials: Credentials,
    /// `X-Scope-OrgID`, where there is one.
    pub tenant: Option<String>,
    /// Further headers; their values may be secrets.
    pub headers: Vec<(String, Secret)>,
    /// PEM certificates to trust instead of the system's.
    pub ca: Option<Vec<u8>>,
    /// PEM certificate chain and key to show.
    pub identity: Option<(Vec<u8>, Secret)>,
    /// Whether credentials may be sent to other machines over plain http.
    pub plain_credentials: bool,
    /// Time for one attempt; a second more for each 128 KiB of the body.
    pub attempt: Duration,
    /// Time for all parts and attempts together.
    pub total: Duration,
    /// The environment variables in use, by name: those of [`Settings::ENVIRONMENT`]. A proxy's URL may contain a password. No other variable
    /// is read.
    pub environment: Vec<(String, Secret)>,
}

impl Settings {
    /// Names of the variables that count: proxies, by the scheme of the URL that is asked for, hosts that need none
    /// (`example.com` with all below it, addresses, networks as `10.0.0.0/8`, `*`), and the file of certificates that
    /// the system trusts. Lower case goes before upper case.
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

    /// A variable's value, by its name in lower case or upper case; an empty one is as good as none.
    pub(crate) fn variable(&self, name: &str) -> Option<&str> {
        let of = |name: &str| {
            let found = self.environment.iter().find(|(key, _)| key == name);
            found.map(|(_, value)| value.expose()).filter(|value| !value.is_empty())
        };
        of(&name.to_ascii_lowercase()).or_else(|| of(&name.to_ascii_uppercase()))
    }
}

impl Default for Settings {
    /// Nobody in particular, ten seconds for an attempt, one minute in all, no proxy.
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
