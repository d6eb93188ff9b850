//! Headers of every request.

use crate::credentials::Conceal;
use crate::exchange::Request;
use crate::{Credentials, Settings};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, header};

/// The size of all headers together, in bytes.
const LIMIT: usize = 32 << 10;

/// Headers that cannot be set by the user.
const OWN: [HeaderName; 11] = [
    header::CONNECTION,
    header::CONTENT_ENCODING,
    header::CONTENT_LENGTH,
    header::CONTENT_TYPE,
    header::EXPECT,
    header::HOST,
    header::PROXY_AUTHORIZATION,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
];

/// The headers of every request. Secrets among them are added to `conceal`.
pub(super) fn all(
    settings: &Settings,
    request: &Request,
    conceal: &mut Conceal,
) -> Result<HeaderMap, String> {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(request.content_type));
    let agent = concat!("bpflame/", env!("CARGO_PKG_VERSION"));
    headers.insert(header::USER_AGENT, HeaderValue::from_static(agent));
    if request.compress {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
    }
    for (name, value) in request.headers {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(|error| error.to_string())?;
        headers.insert(name, HeaderValue::from_static(value));
    }
    if let Some(tenant) = &settings.tenant {
        let value = HeaderValue::from_str(tenant).ok().filter(|value| !value.is_empty());
        let value = value
            .ok_or("the tenant is empty or has characters that are not allowed in a header")?;
        headers.insert(HeaderName::from_static("x-scope-orgid"), value);
    }
    for (name, value) in &settings.headers {
        further(&mut headers, name, value.expose())?;
        conceal.add(value.expose());
    }
    if let Some(value) = settings.credentials.header()? {
        if headers.contains_key(header::AUTHORIZATION) {
            return Err("there are both credentials and an Authorization header".to_owned());
        }
        headers.insert(header::AUTHORIZATION, secret(value.expose(), "credentials")?);
        conceal.add(value.expose());
    }
    if let Credentials::Basic(_, password) = &settings.credentials {
        conceal.add(password.expose());
    }
    let size: usize =
        headers.iter().map(|(name, value)| name.as_str().len() + value.len() + 4).sum();
    if size > LIMIT {
        return Err(format!("the headers have {size} bytes, more than {LIMIT}"));
    }
    Ok(headers)
}

/// Adds a header that the user gave.
fn further(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), String> {
    let name = HeaderName::from_bytes(name.as_bytes())
        .map_err(|_| "a header name has characters that are not allowed".to_owned())?;
    if OWN.contains(&name) {
        return Err(format!("the header {name} cannot be set: bpflame sets it itself"));
    }
    if headers.contains_key(&name) {
        return Err(format!("the header {name} is given twice"));
    }
    let value = secret(value, name.as_str())?;
    headers.insert(name, value);
    Ok(())
}

/// The value of a header, hidden in debug output.
pub(super) fn secret(value: &str, of: &str) -> Result<HeaderValue, String> {
    let mut value = HeaderValue::from_str(value.trim()).map_err(|_| {
        format!("the value of {of} has characters that are not allowed in a header")
    })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Secret;

    const REQUEST: Request = Request {
        path: "/push",
        content_type: "application/proto",
        compress: true,
        headers: &[("Connect-Protocol-Version", "1")],
    };

    fn with(change: impl Fn(&mut Settings)) -> Result<HeaderMap, String> {
        let mut settings = Settings::default();
        change(&mut settings);
        all(&settings, &REQUEST, &mut Conceal::default())
    }

    fn header(name: &str, value: &str) -> (String, Secret) {
        (name.to_owned(), Secret::new(value.to_owned()))
    }

    #[test]
    fn all_headers_go_along() {
        let headers = with(|settings| {
            settings.tenant = Some("team-a".to_owned());
            settings.headers = vec![header("X-Key", " hunter2 ")];
            settings.credentials = Credentials::Bearer(Secret::new("token".to_owned()));
        })
        .unwrap();
        let of = |name: &str| headers.get(name).unwrap().to_str().unwrap();
        assert_eq!(of("content-type"), "application/proto");
        assert_eq!(of("content-encoding"), "gzip");
        assert_eq!(of("connect-protocol-version"), "1");
        assert_eq!(of("x-scope-orgid"), "team-a");
        assert_eq!(of("x-key"), "hunter2");
        assert_eq!(of("authorization"), "Bearer token");
        assert!(of("user-agent").starts_with("bpflame/"));
        assert!(!format!("{headers:?}").contains("hunter2"), "{headers:?}");
    }

    #[test]
    fn headers_that_cannot_go_are_refused_without_their_values() {
        for (name, value) in [
            ("Content-Length", "hunter2"),
            ("host", "hunter2"),
            ("Transfer-Encoding", "hunter2"),
            ("User-Agent", "hunter2"),
            ("X Y", "hunter2"),
            ("", "hunter2"),
            ("X-Key", "hunter2\r\nHost: other"),
            ("X-Key", "hunter2\0"),
        ] {
            let error = with(|settings| settings.headers = vec![header(name, value)]).unwrap_err();
            assert!(!error.contains("hunter2"), "{error}");
        }
        let twice = vec![header("X-Key", "a"), header("x-key", "b")];
        assert!(with(|settings| settings.headers = twice.clone()).is_err());
        let large = header("X-Key", &"x".repeat(40_000));
        assert!(with(|settings| settings.headers = vec![large.clone()]).is_err());
        assert!(with(|settings| settings.tenant = Some("a\nb".to_owned())).is_err());
        assert!(with(|settings| settings.tenant = Some(String::new())).is_err());
        assert!(
            with(|settings| {
                settings.headers = vec![header("Authorization", "Basic x")];
                settings.credentials = Credentials::Bearer(Secret::new("y".to_owned()));
            })
            .is_err()
        );
    }
}
