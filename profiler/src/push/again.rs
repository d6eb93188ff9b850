//! The command that sends a file again.

use super::Push;
use super::options::Receiver;
use crate::cli::args::PushArgs;
use std::path::Path;

/// The options that are the same the next time, quoted for a shell. Secrets are not among what was typed.
pub(super) fn options(args: &PushArgs) -> Vec<String> {
    let mut words = Vec::new();
    let mut add = |name: &str, value: Option<&str>| {
        words.extend(value.map(|value| format!("{name} {}", quoted(value))));
    };
    for (key, value) in &args.labels {
        add("--label", Some(&format!("{key}={value}")));
    }
    for label in &args.push_label {
        add("--push-label", Some(label));
    }
    add("--push-user", args.push_user.as_deref());
    add("--push-tenant", args.push_tenant.as_deref());
    for (name, path) in [
        ("--push-password-file", &args.push_password_file),
        ("--push-token-file", &args.push_token_file),
        ("--push-header-file", &args.push_header_file),
        ("--push-ca", &args.push_ca),
        ("--push-cert", &args.push_cert),
        ("--push-key", &args.push_key),
    ] {
        add(name, path.as_deref().map(Path::to_string_lossy).as_deref());
    }
    if args.push_plain_credentials {
        words.push(String::from("--push-plain-credentials"));
    }
    words
}

impl Push {
    /// `bpflame upload FILE --push URL …`, for some of the receivers.
    pub(super) fn again(&self, file: &Path, to: &[&Receiver], service_name: &str) -> String {
        let mut words = vec![String::from("bpflame upload"), operand(&file.to_string_lossy())];
        words.extend(
            to.iter().map(|receiver| format!("--push {}", quoted(&receiver.endpoint.to_string()))),
        );
        words.push(format!("--service-name {}", quoted(service_name)));
        words.extend(self.again.iter().cloned());
        words.join(" ")
    }
}

/// A file name that cannot be mistaken for an option.
fn operand(name: &str) -> String {
    if name.starts_with('-') { quoted(&format!("./{name}")) } else { quoted(name) }
}

/// A word, quoted for a shell.
fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "%+,-./:=@_".contains(c);
    let is_plain = !word.is_empty() && word.chars().all(plain);
    if is_plain { word.to_owned() } else { format!("'{}'", word.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_quoted_where_a_shell_would_change_them() {
        assert_eq!(quoted("parca+http://a.b:80/c-d_e"), "parca+http://a.b:80/c-d_e");
        assert_eq!(quoted("http://[::1]:80"), "'http://[::1]:80'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
        assert_eq!(quoted("$(x)"), "'$(x)'");
    }

    #[test]
    fn files_are_no_options() {
        assert_eq!(operand("-x.pb.gz"), "./-x.pb.gz");
        assert_eq!(operand("a b"), "'a b'");
    }
}
