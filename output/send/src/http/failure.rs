//! Failures without an answer: a sentence for each, and whether another attempt may succeed.

use super::limits::Limits;
use crate::Endpoint;
use output::text;
use rustls::CertificateError;
use std::error::Error as _;
use std::io;
use std::time::Duration;
use ureq::{Error, Timeout};

/// The longest text of a foreign error, in characters.
const WORDS: usize = 200;

/// The reason why there is no answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// One sentence.
    pub(crate) cause: String,
    /// Whether another attempt may succeed.
    pub(crate) again: bool,
}

impl Failure {
    /// A failure that another attempt would not change.
    pub(super) fn here(cause: &str) -> Self {
        Self { cause: text::shorten(&text::clean(cause), 2 * WORDS).into_owned(), again: false }
    }

    fn again(cause: &str) -> Self {
        Self { again: true, ..Self::here(cause) }
    }
}

/// The names of the backend and the proxy.
#[derive(Clone, Debug)]
pub(super) struct Place {
    /// The backend's host and port.
    backend: String,
    /// The proxy's host and port.
    proxy: Option<String>,
}

impl Place {
    pub(super) fn new(endpoint: &Endpoint, proxy: Option<String>) -> Self {
        let host = endpoint.host();
        let host = if host.contains(':') { format!("[{host}]") } else { host.to_owned() };
        Self { backend: format!("{host}:{}", endpoint.port()), proxy }
    }

    /// The other end of the connection: the backend or a proxy.
    fn next(&self) -> String {
        match &self.proxy {
            Some(proxy) => format!("the proxy {proxy}"),
            None => self.backend.clone(),
        }
    }

    /// No answer came in time.
    pub(super) fn late(&self, limits: Limits) -> Failure {
        Failure::again(&format!("no answer from {} within {}", self.backend, seconds(limits.whole)))
    }

    /// The failure for an error of the HTTP library.
    pub(super) fn failure(&self, error: Error, limits: Limits) -> Failure {
        let backend = &self.backend;
        match error {
            Error::Timeout(Timeout::Resolve | Timeout::Connect) => Failure::again(&format!(
                "no connection to {} within {}",
                self.next(),
                seconds(limits.connect)
            )),
            Error::Timeout(_) => self.late(limits),
            Error::HostNotFound => {
                Failure::here(&format!("the host of {} is unknown", self.next()))
            }
            Error::Io(error) => self.io(&error),
            Error::Rustls(error) => self.tls(&error),
            Error::ConnectProxyFailed(reason) => self.proxy(&reason),
            Error::LargeResponseHeader(..) => {
                Failure::here(&format!("{backend} answers with headers that are too long"))
            }
            Error::Protocol(error) => {
                Failure::here(&format!("{backend} does not answer like an HTTP server: {error}"))
            }
            other => Failure::here(&format!("no request to {backend} can be made: {other}")),
        }
    }

    fn io(&self, error: &io::Error) -> Failure {
        use io::ErrorKind as Kind;
        let inner = error.get_ref();
        if let Some(error) = inner.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
            return self.tls(error);
        }
        let next = self.next();
        match error.kind() {
            Kind::ConnectionRefused => {
                Failure::again(&format!("nothing listens at {next} (connection refused)"))
            }
            Kind::ConnectionReset
            | Kind::ConnectionAborted
            | Kind::BrokenPipe
            | Kind::UnexpectedEof => Failure::again(&format!(
                "{} closed the connection before it answered",
                self.backend
            )),
            _ => match error.to_string().strip_prefix("failed to lookup address information: ") {
                Some(why) => self.lookup(why),
                None => Failure::again(&format!("the connection to {next} failed: {error}")),
            },
        }
    }

    /// The failure for a name without an address. Only the text says whether another attempt may succeed.
    fn lookup(&self, why: &str) -> Failure {
        const FINAL: [&str; 4] = [
            "Name or service not known",
            "No address associated with hostname",
            "Name does not resolve",
            "Name has no usable address",
        ];
        let cause = format!("the host of {} is unknown: {why}", self.next());
        Failure { again: !FINAL.contains(&why), ..Failure::here(&cause) }
    }

    fn proxy(&self, reason: &str) -> Failure {
        let status = reason.split(|c: char| !c.is_ascii_digit()).find(|word| word.len() == 3);
        let cause = format!(
            "the proxy {} does not connect to {}",
            self.proxy.as_deref().unwrap_or("?"),
            self.backend
        );
        match status {
            Some("407") => {
                Failure::here(&format!("{cause}: it asks for different credentials (status 407)"))
            }
            Some(status) if status.starts_with('5') => {
                Failure::again(&format!("{cause} (status {status})"))
            }
            Some(status) => Failure::here(&format!("{cause} (status {status})")),
            None => Failure::again(&cause),
        }
    }

    /// The failure for an error of TLS. Another attempt does not create trust.
    fn tls(&self, error: &rustls::Error) -> Failure {
        use rustls::{AlertDescription as Alert, Error as Tls};
        let backend = &self.backend;
        Failure::here(&match error {
            Tls::InvalidCertificate(error) => self.certificate(error),
            Tls::AlertReceived(Alert::CertificateRequired) => format!(
                "{backend} requires a client certificate: use --push-cert FILE and --push-key FILE"
            ),
            Tls::AlertReceived(
                Alert::BadCertificate
                | Alert::UnknownCA
                | Alert::CertificateUnknown
                | Alert::CertificateExpired
                | Alert::CertificateRevoked
                | Alert::UnsupportedCertificate
                | Alert::DecryptError
                | Alert::AccessDenied,
            ) => format!("{backend} does not accept the client certificate ({error})"),
            Tls::AlertReceived(Alert::HandshakeFailure) => format!(
                "{backend} supports no common version of TLS, or requires a client certificate \
                 (--push-cert FILE and --push-key FILE)"
            ),
            Tls::InvalidMessage(_) => {
                format!("{backend} does not speak TLS: is it http and not https? ({error})")
            }
            other => format!("no TLS with {backend}: {other}"),
        })
    }

    fn certificate(&self, error: &CertificateError) -> String {
        use CertificateError as Wrong;
        let whose = format!("the certificate of {}", self.backend);
        match error {
            Wrong::UnknownIssuer => format!(
                "{whose} is not signed by a trusted authority: use --push-ca FILE with the authority's certificate"
            ),
            Wrong::Expired | Wrong::ExpiredContext { .. } => format!("{whose} has expired"),
            Wrong::NotValidYet | Wrong::NotValidYetContext { .. } => {
                format!("{whose} is not valid yet")
            }
            Wrong::NotValidForName | Wrong::NotValidForNameContext { .. } => {
                format!("{whose} is for another host")
            }
            Wrong::Revoked => format!("{whose} was revoked"),
            Wrong::Other(other)
                if other.source().is_some_and(is_authority) || is_authority(other) =>
            {
                format!(
                    "{whose} is an authority's own (CA:TRUE), which a server must not use: \
                     sign one for the server with it, or make it with CA:FALSE"
                )
            }
            other => format!("{whose} cannot be trusted: {other}"),
        }
    }
}

/// Whether a server uses the certificate of an authority as its own.
fn is_authority(error: &(dyn std::error::Error + 'static)) -> bool {
    error.to_string().contains("CaUsedAsEndEntity")
}

fn seconds(time: Duration) -> String {
    let seconds = time.as_secs_f64();
    if seconds < 10.0 { format!("{seconds:.1} s") } else { format!("{seconds:.0} s") }
}
