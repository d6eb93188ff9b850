//! The arguments of `record` and `upload` for sending profiles.

use super::value;
use std::path::PathBuf;
use std::time::Duration;

/// The options for sending, as typed.
#[derive(Clone, Debug, clap::Args)]
pub struct PushArgs {
    /// Send the profile to this backend, repeatable: pyroscope+http://HOST:PORT, parca+http://…, otlp+http://…; https works too
    #[arg(long, value_name = "URL", help_heading = "Upload")]
    pub push: Vec<String>,

    /// Name of the profile [default: the name of the command or process; the host name for -a; the name in the file for upload]
    #[arg(long, value_name = "NAME", requires = "push", help_heading = "Upload")]
    pub service_name: Option<String>,

    /// Label to add to the whole profile, repeatable
    #[arg(long = "label", value_name = "KEY=VALUE", requires = "push", value_parser = value::label, help_heading = "Upload")]
    pub labels: Vec<(String, String)>,

    /// Also send this label of samples, repeatable. service_name, comm, container_id and unit are always sent. Backends create a
    /// series for each value of a label
    #[arg(long, value_name = "NAME", requires = "push", help_heading = "Upload")]
    pub push_label: Vec<String>,

    /// User name for basic authentication; the password comes from --push-password-file or BPFLAME_PUSH_PASSWORD
    #[arg(
        long,
        value_name = "NAME",
        requires = "push",
        conflicts_with = "push_token_file",
        help_heading = "Upload"
    )]
    pub push_user: Option<String>,

    /// File with the password of --push-user
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_user"], help_heading = "Upload")]
    pub push_password_file: Option<PathBuf>,

    /// File with a bearer token [default: the variable BPFLAME_PUSH_TOKEN]
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_token_file: Option<PathBuf>,

    /// Tenant, sent as the header X-Scope-OrgID
    #[arg(long, value_name = "ID", requires = "push", help_heading = "Upload")]
    pub push_tenant: Option<String>,

    /// File with more headers to send, one `Name: value` a line
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_header_file: Option<PathBuf>,

    /// File with the trusted certificates (PEM), instead of the system's
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_ca: Option<PathBuf>,

    /// File with the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_key"], help_heading = "Upload")]
    pub push_cert: Option<PathBuf>,

    /// File with the private key of the client certificate (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_cert"], help_heading = "Upload")]
    pub push_key: Option<PathBuf>,

    /// Allow sending passwords, tokens and headers to other machines over plain http
    #[arg(long, requires = "push", help_heading = "Upload")]
    pub push_plain_credentials: bool,

    /// Time limit for all attempts to send to one URL
    #[arg(long, value_name = "TIME", default_value = "1m", requires = "push", value_parser = value::duration, help_heading = "Upload")]
    pub push_timeout: Duration,
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Line {
        #[command(flatten)]
        args: PushArgs,
    }

    fn parse(line: &str) -> Result<PushArgs, clap::Error> {
        Line::try_parse_from(std::iter::once("x").chain(line.split_whitespace()))
            .map(|line| line.args)
    }

    #[test]
    fn defaults() {
        let args = parse("--push a --push b --label k=v --label l=w").unwrap();
        assert_eq!(args.push, ["a", "b"]);
        assert_eq!(args.push_timeout, Duration::from_secs(60));
        assert_eq!(args.labels.len(), 2);
        assert!(parse("").unwrap().push.is_empty());
    }

    #[test]
    fn options_of_an_upload_need_one() {
        for option in [
            "--service-name x",
            "--label a=b",
            "--push-label pid",
            "--push-token-file x",
            "--push-tenant x",
            "--push-plain-credentials",
            "--push-timeout 1s",
        ] {
            assert!(parse(option).is_err(), "{option}");
            assert!(parse(&format!("{option} --push x")).is_ok(), "{option}");
        }
    }

    #[test]
    fn what_belongs_together() {
        for wrong in [
            "--push x --push-password-file f",
            "--push x --push-user u --push-token-file f",
            "--push x --push-cert f",
            "--push x --push-key f",
            "--push x --label a",
            "--push x --push-timeout 0",
        ] {
            assert!(parse(wrong).is_err(), "{wrong}");
        }
        assert!(parse("--push x --push-user u --push-password-file f").is_ok());
        assert!(parse("--push x --push-cert c --push-key k").is_ok());
    }
}
