//! The address of a backend.

#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// The kind of backend.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Backend {
    /// Grafana Pyroscope: `push.v1.PusherService/Push`, a unary call over HTTP.
    Pyroscope,
    /// Parca: `WriteRaw` through its HTTP gateway.
    Parca,
    /// OTLP profiles (`v1development`) over HTTP.
    Otlp,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Pyroscope, Self::Parca, Self::Otlp];

    /// The word before the `+` of its endpoints.
    pub fn name(self) -> &'static str {
        match self {
            Self::Pyroscope => "pyroscope",
            Self::Parca => "parca",
            Self::Otlp => "otlp",
        }
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The address of a backend. It prints as the URL from which it was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Endpoint {
    /// The backend at this address.
    pub backend: Backend,
    /// `http://HOST[:PORT][/PATH]` or `https://…`, without a slash at its end.
    pub base: String,
}

/// The form of a URL, which messages show instead of the URL: the URL may contain secrets.
const SHAPE: &str = "pyroscope+http://HOST[:PORT][/PATH], pyroscope+https://…, parca+… or otlp+…";

impl Endpoint {
    /// Reads `pyroscope+https://HOST[:PORT][/PATH]` and the like.
    ///
    /// # Errors
    /// One sentence about the error, without any password in the URL.
    pub fn parse(url: &str) -> Result<Self, String> {
        let (scheme, rest) =
            url.split_once("://").ok_or_else(|| format!("the form of the URL is {SHAPE}"))?;
        if rest.contains('@') {
            return Err("the URL must not contain a user or a password: \
                        use --push-user NAME and --push-password-file FILE, or --push-token-file FILE"
                .to_owned());
        }
        let scheme = scheme.to_ascii_lowercase();
        let (backend, scheme) = kind(&scheme)?;
        if rest.contains(['?', '#']) {
            return Err(format!(
                "the URL must not have a query or a fragment; its form is {SHAPE}"
            ));
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let path = path.trim_end_matches('/');
        if !path.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
            return Err("the URL's path has a character that must be written as %XX".to_owned());
        }
        Ok(Self { backend, base: format!("{scheme}://{}{path}", authority_of(authority)?) })
    }

    /// Whether the connection is encrypted.
    pub fn is_encrypted(&self) -> bool {
        self.base.starts_with("https:")
    }

    /// The host: a name in lower case, an IPv4 address, or an IPv6 address without brackets.
    pub fn host(&self) -> &str {
        split_port(self.authority()).0.trim_matches(['[', ']'])
    }

    /// The port; by default, the scheme's own.
    pub fn port(&self) -> u16 {
        let usual = if self.is_encrypted() { 443 } else { 80 };
        split_port(self.authority()).1.and_then(|port| port.parse().ok()).unwrap_or(usual)
    }

    /// Whether requests stay on this machine: the host is a loopback address or `localhost`.
    pub fn is_loopback(&self) -> bool {
        let host = self.host();
        match host.parse::<IpAddr>() {
            Ok(address) => address.to_canonical().is_loopback(),
            // Some systems ask name servers for names below it.
            Err(_) => host == "localhost",
        }
    }

    /// The URL of a request: the base with the path, unless the base already ends with it.
    pub(super) fn below(&self, path: &str) -> String {
        if self.base.ends_with(path) { self.base.clone() } else { format!("{}{path}", self.base) }
    }

    /// `HOST[:PORT]` of the base.
    fn authority(&self) -> &str {
        let (_, rest) = self.base.split_once("://").unwrap_or(("", &self.base));
        rest.split('/').next().unwrap_or(rest)
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{}", self.backend, self.base)
    }
}

/// Backend and scheme, from the part before `://`.
fn kind(scheme: &str) -> Result<(Backend, &str), String> {
    let (name, scheme) = scheme.split_once('+').unwrap_or(("", scheme));
    let backend = Backend::ALL.into_iter().find(|backend| backend.name() == name);
    match (backend, scheme) {
        (Some(backend), "http" | "https") => Ok((backend, scheme)),
        (None, "http" | "https") => {
            Err("the URL must begin with the kind of backend: pyroscope+, parca+ or otlp+"
                .to_owned())
        }
        _ => Err(format!("the form of the URL is {SHAPE}")),
    }
}

/// A host with its port, as URLs have it.
fn authority_of(text: &str) -> Result<String, String> {
    let (host, port) = split_port(text);
    let host = match host.strip_prefix('[').map(|host| host.strip_suffix(']')) {
        Some(inner) => {
            let address = inner.and_then(|inner| inner.parse::<Ipv6Addr>().ok());
            let address = address.ok_or("the URL's host is not an IPv6 address in brackets")?;
            format!("[{address}]")
        }
        None if is_name(host) => host.to_ascii_lowercase(),
        None if host.is_empty() => return Err("the URL has no host".to_owned()),
        None => return Err("the URL's host is neither a host name nor an address".to_owned()),
    };
    match port {
        None => Ok(host),
        Some(port) => match port.parse::<u16>() {
            Ok(number) if number > 0 && port.bytes().all(|b| b.is_ascii_digit()) => {
                Ok(format!("{host}:{number}"))
            }
            _ => Err("the URL's port is not a number from 1 to 65535".to_owned()),
        },
    }
}

/// Host and port of an authority; an IPv6 address keeps its brackets.
fn split_port(authority: &str) -> (&str, Option<&str>) {
    let after = authority.rfind(']').unwrap_or(0);
    match authority[after..].find(':') {
        Some(colon) => (&authority[..after + colon], Some(&authority[after + colon + 1..])),
        None => (authority, None),
    }
}

/// Whether the text may be a host name or an IPv4 address.
fn is_name(host: &str) -> bool {
    let host = host.strip_suffix('.').unwrap_or(host);
    host.len() < 254
        && host.split('.').all(|label| {
            (1..64).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        })
}
