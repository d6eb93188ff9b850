//! Certificates: the trusted ones, and the one of the client.
//!
//! The trusted certificates are those given by the user. Without any, they are those of the system: `SSL_CERT_FILE`, or the bundle of the
//! distribution, to which administrators add theirs. Without a bundle, they are the built-in list. Reading one file needs no dependency.

use crate::Settings;
use rustls::RootCertStore;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use std::fs::File;
use std::io::Read;
use ureq::tls::{Certificate, ClientCert, PemItem, RootCerts, TlsConfig, parse_pem};

/// The paths of the distributions' bundles of trusted certificates.
const BUNDLES: [&str; 5] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
];
/// The bytes of a bundle that are read.
const LIMIT: u64 = 16 << 20;

/// The TLS configuration for the settings.
///
/// # Errors
/// One sentence: a file has no certificate, or a key does not belong to its certificate.
pub(super) fn tls(settings: &Settings) -> Result<TlsConfig, String> {
    let identity = settings.identity.as_ref();
    let identity =
        identity.map(|(chain, key)| identify(chain, key.expose().as_bytes())).transpose()?;
    Ok(TlsConfig::builder().root_certs(roots(settings)?).client_cert(identity).build())
}

fn roots(settings: &Settings) -> Result<RootCerts, String> {
    if let Some(pem) = &settings.ca {
        let certificates = certificates(pem, "the file of trusted certificates (--push-ca)")?;
        let mut store = RootCertStore::empty();
        for (index, certificate) in certificates.iter().enumerate() {
            store.add(CertificateDer::from(certificate.der())).map_err(|error| {
                format!(
                    "certificate {} of the file of --push-ca cannot be trusted: {error}",
                    index + 1
                )
            })?;
        }
        return Ok(certificates.into());
    }
    if let Some(path) = settings.variable("SSL_CERT_FILE") {
        let pem = read(path).ok_or("the file named by SSL_CERT_FILE cannot be read")?;
        return Ok(certificates(&pem, "the file named by SSL_CERT_FILE")?.into());
    }
    let bundle = BUNDLES.iter().filter_map(|path| read(path));
    let mut bundles = bundle.filter_map(|pem| certificates(&pem, "").ok());
    Ok(bundles.next().map_or(RootCerts::WebPki, RootCerts::from))
}

fn read(path: &str) -> Option<Vec<u8>> {
    let mut pem = Vec::new();
    File::open(path).ok()?.take(LIMIT).read_to_end(&mut pem).ok()?;
    Some(pem)
}

/// All certificates of a file, at least one.
fn certificates(pem: &[u8], file: &str) -> Result<Vec<Certificate<'static>>, String> {
    let mut found = Vec::new();
    for item in parse_pem(pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(_) => return Err(format!("{file} is damaged: its PEM cannot be read")),
        }
    }
    if found.is_empty() {
        return Err(format!("{file} has no certificate in PEM"));
    }
    Ok(found)
}

/// The certificate of the client, with its key. An unusable pair is an error here, before the TLS library gets it.
fn identify(chain: &[u8], key: &[u8]) -> Result<ClientCert, String> {
    let chain = certificates(chain, "the file of the client certificate (--push-cert)")?;
    let mut keys = parse_pem(key).filter_map(|item| match item {
        Ok(PemItem::PrivateKey(key)) => Some(key),
        _ => None,
    });
    let key = keys.next().ok_or(
        "the file of the client's key (--push-key) has no private key in PEM; encrypted keys are not supported",
    )?;
    let ders = chain.iter().map(|certificate| CertificateDer::from(certificate.der()).into_owned());
    let unusable =
        || "the client's certificate or key (--push-cert, --push-key) is of an unsupported kind";
    let der = PrivateKeyDer::try_from(key.der().to_vec()).map_err(|_| unusable())?;
    let provider = rustls::crypto::ring::default_provider();
    CertifiedKey::from_der(ders.collect(), der, &provider).map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => {
            "the client's key (--push-key) does not belong to its certificate (--push-cert)"
        }
        _ => unusable(),
    })?;
    Ok(ClientCert::new_with_certs(&chain, key))
}
