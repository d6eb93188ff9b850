//! The proxy of a request, from the environment variables that other programs use.
//!
//! `http_proxy` applies to plain http, `https_proxy` to https, `all_proxy` to both; `no_proxy` lists hosts that are reached directly.
//! Loopback never uses a proxy. An http proxy forwards plain http. Everything else uses a tunnel (`CONNECT`, or SOCKS).

use super::headers;
use crate::credentials::Conceal;
use crate::{Credentials, Endpoint, Secret, Settings};
use std::fmt;
use std::net::IpAddr;
use ureq::http::{HeaderValue, Uri};
use ureq::{Proxy, ProxyProtocol};

/// The way of a request to the backend.
#[derive(Clone)]
pub(super) enum Way {
    Direct,
    /// The proxy connects to the backend and passes on all bytes.
    Tunnel(Proxy),
    /// The proxy reads the request and makes one of its own.
    Forward {
        proxy: Uri,
        /// The text before the path in the first line of a request.
        prefix: String,
        /// The credentials for the proxy.
        authorization: Option<HeaderValue>,
    },
}

impl Way {
    /// The proxy to open a tunnel through.
    pub(super) fn tunnel(&self) -> Option<Proxy> {
        match self {
            Self::Tunnel(proxy) => Some(proxy.clone()),
            _ => None,
        }
    }

    /// The proxy to forward to.
    pub(super) fn forward(&self) -> Option<Uri> {
        match self {
            Self::Forward { proxy, .. } => Some(proxy.clone()),
            _ => None,
        }
    }

    /// The prefix of the path in a forwarded request.
    pub(super) fn prefix(&self) -> Option<String> {
        match self {
            Self::Forward { prefix, .. } => Some(prefix.clone()),
            _ => None,
        }
    }

    /// The proxy's host and port.
    pub(super) fn name(&self) -> Option<String> {
        match self {
            Self::Direct => None,
            Self::Tunnel(proxy) => Some(format!("{}:{}", proxy.host(), proxy.port())),
            Self::Forward { proxy, .. } => {
                let port = proxy.port_u16().unwrap_or(80);
                proxy.host().map(|host| format!("{host}:{port}"))
            }
        }
    }

    /// Whether the connection to the proxy is encrypted itself.
    pub(super) fn is_encrypted(&self) -> bool {
        matches!(self, Self::Tunnel(proxy) if proxy.protocol() == ProxyProtocol::Https)
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The URL of a proxy may hold a password.
        f.write_str(self.name().as_deref().unwrap_or("direct"))
    }
}

/// The way to an endpoint.
pub(super) fn choose(
    endpoint: &Endpoint,
    settings: &Settings,
    conceal: &mut Conceal,
) -> Result<Way, String> {
    let variable = if endpoint.is_encrypted() { "https_proxy" } else { "http_proxy" };
    let found = [variable, "all_proxy"].into_iter();
    let found = found.filter_map(|name| Some((name, settings.variable(name)?))).next();
    let Some((variable, url)) = found else { return Ok(Way::Direct) };
    let exempt = settings.variable("no_proxy").unwrap_or("");
    if endpoint.is_loopback() || is_exempt(exempt, endpoint.host(), endpoint.port()) {
        return Ok(Way::Direct);
    }
    let proxy =
        Proxy::new(url).map_err(|_| format!("the variable {variable} is not a valid proxy URL"))?;
    let authorization = authorization(&proxy, conceal)?;
    if endpoint.is_encrypted() || proxy.protocol() != ProxyProtocol::Http {
        return Ok(Way::Tunnel(proxy));
    }
    let bare = format!("http://{}:{}/", proxy.host(), proxy.port());
    let bare = bare
        .parse()
        .map_err(|_| format!("the proxy URL in the variable {variable} has no host"))?;
    let host = endpoint.host();
    let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
    let prefix = format!("http://{host}:{}", endpoint.port());
    Ok(Way::Forward { proxy: bare, prefix, authorization })
}

/// The credentials for the proxy. They are secret as a whole.
fn authorization(proxy: &Proxy, conceal: &mut Conceal) -> Result<Option<HeaderValue>, String> {
    if proxy.username().is_none() && proxy.password().is_none() {
        return Ok(None);
    }
    let (user, password) =
        (proxy.username().unwrap_or_default(), proxy.password().unwrap_or_default());
    conceal.add(password);
    if let Some((userinfo, _)) = proxy.uri().authority().and_then(|a| a.as_str().rsplit_once('@')) {
        // As written in the URL, possibly with `%XX`.
        conceal.add(userinfo.split_once(':').map_or(userinfo, |(_, password)| password));
    }
    let credentials = Credentials::Basic(user.to_owned(), Secret::new(password.to_owned()));
    let value = credentials.header()?.map(|value| {
        conceal.add(value.expose());
        headers::secret(value.expose(), "the proxy's credentials")
    });
    value.transpose()
}

/// Whether a list of hosts that need no proxy contains this one.
fn is_exempt(list: &str, host: &str, port: u16) -> bool {
    let entries = list.split([',', ' ']).map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_ascii_lowercase).any(|entry| {
        let (name, wanted) = parts(&entry);
        wanted.is_none_or(|wanted| wanted == port) && matches(name, host.trim_end_matches('.'))
    })
}

/// Host and port of an entry.
fn parts(entry: &str) -> (&str, Option<u16>) {
    if let Some((host, rest)) = entry.strip_prefix('[').and_then(|entry| entry.split_once(']')) {
        return (host, rest.strip_prefix(':').and_then(|port| port.parse().ok()));
    }
    match entry.split_once(':') {
        Some((host, port)) if !port.contains(':') => (host, port.parse().ok()),
        _ => (entry, None),
    }
}

fn matches(entry: &str, host: &str) -> bool {
    if entry == "*" {
        return true;
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        let (network, bits) = entry.split_once('/').unwrap_or((entry, ""));
        return network.parse().is_ok_and(|network| within(address, network, bits));
    }
    let name = entry.trim_start_matches("*.").trim_matches('.');
    let before = host.strip_suffix(name);
    !name.is_empty() && before.is_some_and(|before| before.is_empty() || before.ends_with('.'))
}

/// Whether an address is in a network. Without a number of bits, all bits count.
fn within(address: IpAddr, network: IpAddr, bits: &str) -> bool {
    let (address, network, width) = match (address.to_canonical(), network.to_canonical()) {
        (IpAddr::V4(a), IpAddr::V4(n)) => (u128::from(a.to_bits()), u128::from(n.to_bits()), 32),
        (IpAddr::V6(a), IpAddr::V6(n)) => (a.to_bits(), n.to_bits(), 128),
        _ => return false,
    };
    match bits.parse::<u32>() {
        _ if bits.is_empty() => address == network,
        Ok(bits) if bits <= width => {
            let host_bits = width - bits;
            address.checked_shr(host_bits).unwrap_or(0)
                == network.checked_shr(host_bits).unwrap_or(0)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn way(url: &str, environment: &[(&str, &str)]) -> Result<Way, String> {
        let variable =
            |(name, value): &(&str, &str)| ((*name).to_owned(), Secret::new((*value).to_owned()));
        let settings = Settings {
            environment: environment.iter().map(variable).collect(),
            ..Settings::default()
        };
        choose(&Endpoint::parse(url).unwrap(), &settings, &mut Conceal::default())
    }

    fn name(url: &str, environment: &[(&str, &str)]) -> Option<String> {
        way(url, environment).unwrap().name()
    }

    #[test]
    fn the_scheme_picks_the_variable() {
        let all = [
            ("http_proxy", "http://plain:3128"),
            ("HTTPS_PROXY", "secure:3129"),
            ("ALL_PROXY", "http://any"),
        ];
        assert_eq!(name("otlp+http://h", &all).unwrap(), "plain:3128");
        assert_eq!(name("otlp+https://h", &all).unwrap(), "secure:3129");
        assert_eq!(name("otlp+https://h", &all[2..]).unwrap(), "any:80");
        assert_eq!(name("otlp+https://h", &[("https_proxy", ""), ("all_proxy", "")]), None);
        let both = [("HTTPS_PROXY", "upper:1"), ("https_proxy", "lower:1")];
        assert_eq!(name("otlp+https://h", &both).unwrap(), "lower:1");
    }

    #[test]
    fn plain_http_is_forwarded_and_all_else_tunnelled() {
        let forward =
            way("otlp+http://h/p", &[("http_proxy", "http://me:p%40ss@proxy:3128")]).unwrap();
        assert_eq!(forward.prefix().unwrap(), "http://h:80");
        assert_eq!(forward.forward().unwrap(), "http://proxy:3128/");
        let Way::Forward { authorization, .. } = &forward else { panic!("forwarded") };
        assert_eq!(authorization.as_ref().unwrap(), "Basic bWU6cEBzcw==");
        assert!(!format!("{forward:?}").contains("ss"), "{forward:?}");
        assert_eq!(
            way("otlp+http://[2001:db8::1]", &[("http_proxy", "p")]).unwrap().prefix().unwrap(),
            "http://[2001:db8::1]:80"
        );
        for (url, proxy) in [
            ("otlp+https://h", "http://proxy"),
            ("otlp+http://h", "https://proxy"),
            ("otlp+http://h", "socks5://proxy"),
        ] {
            let way = way(url, &[("all_proxy", proxy)]).unwrap();
            assert!(matches!(way, Way::Tunnel(_)), "{url} {proxy}");
        }
    }

    #[test]
    fn loopback_needs_no_proxy() {
        for host in ["127.0.0.1", "[::1]", "localhost"] {
            assert_eq!(name(&format!("otlp+http://{host}:1"), &[("all_proxy", "http://p")]), None);
        }
    }

    #[test]
    fn hosts_without_a_proxy_are_matched() {
        let exempt = |list: &str, host: &str| is_exempt(list, host, 4040);
        for (list, host) in [
            ("*", "any.example"),
            ("example.com", "example.com"),
            ("other, Example.COM", "a.b.example.com"),
            (".example.com", "a.example.com"),
            ("*.example.com", "a.example.com"),
            ("example.com:4040", "example.com"),
            ("10.0.0.0/8", "10.255.0.1"),
            ("10.0.0.1", "10.0.0.1"),
            ("0.0.0.0/0", "8.8.8.8"),
            ("2001:db8::/32", "2001:db8::7"),
            ("[2001:db8::7]:4040", "2001:db8::7"),
            ("2001:db8::7", "2001:db8::7"),
        ] {
            assert!(exempt(list, host), "{list} {host}");
        }
        for (list, host) in [
            ("", "h"),
            (",", "h"),
            ("example.com", "badexample.com"),
            ("example.com:80", "example.com"),
            ("10.0.0.0/8", "11.0.0.1"),
            ("10.0.0.0/33", "10.0.0.1"),
            ("10.0.0.0/x", "10.0.0.1"),
            ("10.0.0.0/8", "10.example"),
            ("::/0", "10.0.0.1"),
            ("0.1", "10.0.0.1"),
        ] {
            assert!(!exempt(list, host), "{list} {host}");
        }
    }

    #[test]
    fn a_proxy_that_cannot_be_read_is_told_without_its_url() {
        for url in ["http://me:hunter2@", "ftp://me:hunter2@h", "http://me:hun ter2@h"] {
            let error = way("otlp+https://h", &[("https_proxy", url)]).unwrap_err();
            assert!(error.contains("https_proxy") && !error.contains("ter2"), "{error}");
        }
    }
}
