//! The options to repeat when a file is sent again.

use super::shell::quoted;
use crate::cli::args::PushArgs;
use std::path::Path;

/// These options, quoted for a shell. They contain no secrets, because secrets are never typed.
pub(super) fn again(args: &PushArgs) -> Vec<String> {
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
