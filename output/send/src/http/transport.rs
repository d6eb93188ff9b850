//! Connections with two features that the HTTP library lacks.
//!
//! - *An early answer is read.* A backend that refuses a body by its length answers before it has read the body, and closes the connection.
//!   The error of writing is held back until it is clear that no answer can be read.
//! - *Plain http is forwarded.* An http proxy takes requests whose first line has the whole URL. Many proxies refuse tunnels to ports other
//!   than 443.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use ureq::Error;
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{
    Buffers, ConnectProxyConnector, ConnectionDetails, Connector, NextTimeout, RustlsConnector,
    SocksConnector, TcpConnector, Transport,
};

/// Connects through proxies and with TLS. `prefix` comes before the path of forwarded requests. `deaf` is set when the other side stops
/// reading.
pub(super) fn connector(prefix: Option<String>, deaf: Arc<AtomicBool>) -> impl Connector {
    ().chain(SocksConnector::default())
        .chain(ConnectProxyConnector::default())
        .chain(TcpConnector::default())
        .chain(Listen { prefix, deaf })
        .chain(RustlsConnector::default())
}

/// Looks up addresses: of the backend, or of the proxy that forwards requests.
pub(super) struct Resolve {
    inner: DefaultResolver,
    forward: Option<Uri>,
}

impl Resolve {
    pub(super) fn new(forward: Option<Uri>) -> Self {
        Self { inner: DefaultResolver::default(), forward }
    }
}

impl Resolver for Resolve {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, Error> {
        self.inner.resolve(self.forward.as_ref().unwrap_or(uri), config, timeout)
    }
}

impl fmt::Debug for Resolve {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Resolve")
    }
}

/// Makes connections that can read an early answer.
#[derive(Debug)]
struct Listen {
    prefix: Option<String>,
    deaf: Arc<AtomicBool>,
}

impl<In: Transport> Connector<In> for Listen {
    type Out = Listening<In>;

    fn connect(
        &self,
        _details: &ConnectionDetails,
        chained: Option<In>,
    ) -> Result<Option<Self::Out>, Error> {
        let (prefix, deaf) = (self.prefix.clone(), Arc::clone(&self.deaf));
        Ok(chained.map(|inner| Listening { inner, prefix, deaf, closed: false }))
    }
}

/// A connection that can be read after the other side has stopped reading.
#[derive(Debug)]
struct Listening<In> {
    inner: In,
    /// The text before the path of the first request.
    prefix: Option<String>,
    /// Whether the other side stopped reading.
    closed: bool,
    /// The same, shared with the attempt.
    deaf: Arc<AtomicBool>,
}

impl<In: Transport> Transport for Listening<In> {
    fn buffers(&mut self) -> &mut dyn Buffers {
        self.inner.buffers()
    }

    fn transmit_output(&mut self, amount: usize, timeout: NextTimeout) -> Result<(), Error> {
        if self.closed {
            return Ok(());
        }
        let amount = match self.prefix.take() {
            Some(prefix) => insert(self.inner.buffers().output(), amount, &prefix)?,
            None => amount,
        };
        match self.inner.transmit_output(amount, timeout) {
            Err(Error::Io(error)) if is_closed(&error) => {
                self.closed = true;
                self.deaf.store(true, Ordering::Relaxed);
                Ok(())
            }
            result => result,
        }
    }

    fn await_input(&mut self, timeout: NextTimeout) -> Result<bool, Error> {
        self.inner.await_input(timeout)
    }

    fn is_open(&mut self) -> bool {
        !self.closed && self.inner.is_open()
    }

    fn is_tls(&self) -> bool {
        self.inner.is_tls()
    }
}

/// Whether the other side has closed the connection.
fn is_closed(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

/// Puts a prefix before the path in the first line of a request. Returns the new length.
fn insert(output: &mut [u8], amount: usize, prefix: &str) -> Result<usize, Error> {
    let at = output[..amount].iter().position(|byte| *byte == b' ').map(|space| space + 1);
    match at {
        Some(at) if amount + prefix.len() <= output.len() => {
            output.copy_within(at..amount, at + prefix.len());
            output[at..at + prefix.len()].copy_from_slice(prefix.as_bytes());
            Ok(amount + prefix.len())
        }
        _ => Err(io::Error::other("the request has no room for the whole URL").into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_line_names_the_whole_url() {
        let mut output = [0; 64];
        let head = b"POST /push HTTP/1.1\r\n";
        output[..head.len()].copy_from_slice(head);
        let amount = insert(&mut output, head.len(), "http://h:80").unwrap();
        assert_eq!(&output[..amount], b"POST http://h:80/push HTTP/1.1\r\n");
        assert!(insert(&mut output[..24], 21, "http://h:80").is_err());
        assert!(insert(&mut output, 0, "http://h:80").is_err());
    }
}
