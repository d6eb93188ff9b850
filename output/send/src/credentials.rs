//! Credentials: secrets that are never shown.

use base64::prelude::{BASE64_STANDARD, Engine};

/// A secret; prints as `***`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Holds a secret.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The secret itself, to send it and to remove it from messages.
    pub(super) fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

/// The credentials of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Credentials {
    /// None.
    #[default]
    None,
    /// User and password.
    Basic(String, Secret),
    /// A token.
    Bearer(Secret),
}

impl Credentials {
    /// The value of the `Authorization` header.
    ///
    /// # Errors
    /// One sentence: the user has a colon, or the token has characters that no header can carry.
    pub(super) fn header(&self) -> Result<Option<Secret>, String> {
        match self {
            Self::None => Ok(None),
            Self::Basic(user, _) if user.contains(':') => {
                Err("a user name cannot contain a colon".to_owned())
            }
            Self::Basic(user, password) => {
                let pair = format!("{user}:{}", password.expose());
                Ok(Some(Secret(format!("Basic {}", BASE64_STANDARD.encode(pair)))))
            }
            Self::Bearer(token) if token.0.is_empty() => Err("the token is empty".to_owned()),
            Self::Bearer(token) if !token.0.bytes().all(|byte| byte.is_ascii_graphic()) => {
                Err("the token has a space or a character that is not allowed in a header"
                    .to_owned())
            }
            Self::Bearer(token) => Ok(Some(Secret(format!("Bearer {}", token.0)))),
        }
    }
}

/// Removes secrets from answers, in case a backend or a proxy repeats them.
#[derive(Clone, Default)]
pub(super) struct Conceal(Vec<String>);

/// Bytes of the shortest secret that is removed. Shorter ones would match ordinary words.
const SHORTEST: usize = 4;

impl Conceal {
    /// Adds a secret to remove. If it is a header's value with a scheme, also adds the part after the scheme.
    pub(super) fn add(&mut self, secret: &str) {
        let schemes = ["Basic ", "Bearer "].into_iter();
        let bare = schemes.filter_map(|scheme| secret.strip_prefix(scheme)).next();
        self.0.extend(Some(bare.unwrap_or(secret).to_owned()).filter(|s| s.len() >= SHORTEST));
        // Longest first, since a secret may be a part of another.
        self.0.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
        self.0.dedup();
    }

    /// The text with `***` in place of each secret.
    pub(super) fn text(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, secret| text.replace(secret.as_str(), "***"))
    }

    /// Overwrites each secret with as many stars, so that lengths in the bytes stay correct.
    pub(super) fn bytes(&self, bytes: &mut [u8]) {
        for secret in self.0.iter().map(String::as_bytes) {
            let mut at = 0;
            while at + secret.len() <= bytes.len() {
                if bytes[at..].starts_with(secret) {
                    bytes[at..at + secret.len()].fill(b'*');
                    at += secret.len();
                } else {
                    at += 1;
                }
            }
        }
    }
}

impl std::fmt::Debug for Conceal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} secrets", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(text: &str) -> Secret {
        Secret::new(text.to_owned())
    }

    #[test]
    fn secrets_do_not_print() {
        let shown = format!(
            "{:?} {:?} {:?}",
            secret("hunter2"),
            Credentials::Basic("me".to_owned(), secret("hunter2")),
            Credentials::Bearer(secret("hunter2"))
        );
        assert!(!shown.contains("hunter2"), "{shown}");
    }

    #[test]
    fn headers_are_those_of_the_standard() {
        let basic = Credentials::Basic("Aladdin".to_owned(), secret("open sesame"));
        let header = basic.header().unwrap().unwrap();
        assert_eq!(header.expose(), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        let bearer = Credentials::Bearer(secret("abc.def")).header().unwrap().unwrap();
        assert_eq!(bearer.expose(), "Bearer abc.def");
        assert_eq!(Credentials::None.header().unwrap(), None);
    }

    #[test]
    fn what_no_header_carries_is_refused_without_showing_it() {
        for wrong in [
            Credentials::Basic("a:b".to_owned(), secret("hunter2")),
            Credentials::Bearer(secret("")),
            Credentials::Bearer(secret("hunter2\r\nX: y")),
            Credentials::Bearer(secret("hunter2 ")),
            Credentials::Bearer(secret("hünter2")),
        ] {
            let error = wrong.header().unwrap_err();
            assert!(!error.contains("nter2"), "{error}");
        }
    }

    #[test]
    fn repeated_secrets_are_taken_out() {
        let mut conceal = Conceal::default();
        conceal.add("Bearer hunter2");
        conceal.add("hunter2345");
        conceal.add("abc");
        assert_eq!(conceal.text("abc hunter2345 hunter2"), "abc *** ***");
        assert_eq!(conceal.text("not Bearer hunter2!"), "not Bearer ***!");
        let mut bytes = b"\x07hunter2\x0ahunter2345".to_vec();
        conceal.bytes(&mut bytes);
        assert_eq!(bytes, b"\x07*******\x0a**********");
        assert!(!format!("{conceal:?}").contains("hunter2"));
    }
}
