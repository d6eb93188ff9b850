//! The common part of all attempts.

use super::compress::wire_body;
use super::failure::Place;
use super::proxy::Way;
use super::{headers, proxy, transport, trust};
use crate::credentials::Conceal;
use crate::exchange::Request;
use crate::{Credentials, Endpoint, Settings};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;
use ureq::config::Config;
use ureq::http::{self, HeaderMap, HeaderValue, header};
use ureq::tls::TlsConfig;
use ureq::{Agent, Proxy};

/// Everything that an attempt needs except the body.
#[derive(Debug)]
pub(crate) struct Plan {
    url: String,
    headers: HeaderMap,
    config: Config,
    way: Way,
    compress: bool,
    /// The names of the backend and the proxy.
    pub(super) place: Place,
    /// The time for one attempt with a small body.
    pub(crate) attempt: Duration,
    /// The secrets that no message may show.
    pub(crate) conceal: Conceal,
}

impl Plan {
    /// Checks everything that needs no connection.
    ///
    /// # Errors
    /// One sentence without secrets.
    pub(crate) fn new(
        endpoint: &Endpoint,
        settings: &Settings,
        request: &Request,
    ) -> Result<Self, String> {
        let mut conceal = Conceal::default();
        let mut headers = headers::all(settings, request, &mut conceal)?;
        let secret = settings.credentials != Credentials::None || !settings.headers.is_empty();
        if secret
            && !(endpoint.is_encrypted() || endpoint.is_loopback() || settings.plain_credentials)
        {
            return Err(format!(
                "credentials would go over plain http to {}, where others can read them: \
                 use {}+https://, or allow it with --push-plain-credentials",
                endpoint.host(),
                endpoint.backend
            ));
        }
        let way = proxy::choose(endpoint, settings, &mut conceal)?;
        if let Way::Forward { authorization, .. } = &way {
            // The first request of a connection is rewritten, no others. So each connection has one request.
            headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
            if let Some(value) = authorization {
                headers.insert(header::PROXY_AUTHORIZATION, value.clone());
            }
        }
        let encrypted = endpoint.is_encrypted() || way.is_encrypted();
        let tls = if encrypted { trust::tls(settings)? } else { TlsConfig::default() };
        Ok(Self {
            url: endpoint.below(request.path),
            headers,
            config: config(tls, way.tunnel()),
            place: Place::new(endpoint, way.name()),
            way,
            compress: request.compress,
            attempt: settings.attempt,
            conceal,
        })
    }

    /// The body as it is sent.
    pub(crate) fn body(&self, bytes: &[u8]) -> Arc<[u8]> {
        wire_body(bytes, self.compress)
    }

    /// Whether no `Authorization` header is sent.
    pub(crate) fn is_anonymous(&self) -> bool {
        !self.headers.contains_key(header::AUTHORIZATION)
    }

    /// A request with a body of this length.
    pub(super) fn request(&self, length: usize) -> Result<http::request::Builder, String> {
        let mut request = http::Request::post(&self.url);
        let headers = request.headers_mut().ok_or("the URL can't be requested")?;
        headers.clone_from(&self.headers);
        headers.insert(header::CONTENT_LENGTH, HeaderValue::from(length));
        Ok(request)
    }

    /// An agent without connections, and a flag that is set when the other side stops reading.
    pub(super) fn agent(&self) -> (Agent, Arc<AtomicBool>) {
        let deaf = Arc::new(AtomicBool::new(false));
        let connector = transport::connector(self.way.prefix(), Arc::clone(&deaf));
        let resolver = transport::Resolve::new(self.way.forward());
        (Agent::with_parts(self.config.clone(), connector, resolver), deaf)
    }
}

fn config(tls: TlsConfig, proxy: Option<Proxy>) -> Config {
    Agent::config_builder()
        .tls_config(tls)
        .proxy(proxy)
        .http_status_as_error(false)
        // A redirect is reported, never followed: credentials and profiles are sent only to the given URL.
        .max_redirects(0)
        .user_agent(concat!("bpflame/", env!("CARGO_PKG_VERSION")))
        .max_idle_connections(1)
        .max_idle_connections_per_host(1)
        .build()
}
