//! The arguments that say where profiles are sent, and how: of `record` and of `upload`.

use super::value;
use std::path::PathBuf;
use std::time::Duration;

/// What was typed of the sending.
#[derive(Clone, Debug, clap::Args)]
pub struct PushArgs {
    /// Send the profile there, repeatable: pyroscope+http://HOST:PORT, parca+…, otlp+…, each with http or https
    #[arg(long, value_name = "URL", help_heading = "Upload")]
    pub push: Vec<String>,

    /// What the profile is of. Without it: the name of the command or process, for -a this machine's; for a file
    /// what it says itself
    #[arg(long, value_name = "NAME", requires = "push", help_heading = "Upload")]
    pub service_name: Option<String>,

    /// A label of the whole profile, repeatable
    #[arg(long = "label", value_name = "KEY=VALUE", requires = "push", value_parser = value::label, help_heading = "Upload")]
    pub labels: Vec<(String, String)>,

    /// A label of the samples that goes along, too, repeatable; service_name, comm, container_id and unit do in any
    /// case. Backends make a series of every value
    #[arg(long, value_name = "NAME", requires = "push", help_heading = "Upload")]
    pub push_label: Vec<String>,

    /// The user to say one is; the password is taken from --push-password-file or BPFLAME_PUSH_PASSWORD
    #[arg(
        long,
        value_name = "NAME",
        requires = "push",
        conflicts_with = "push_token_file",
        help_heading = "Upload"
    )]
    pub push_user: Option<String>,

    /// The file with the user's password
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_user"], help_heading = "Upload")]
    pub push_password_file: Option<PathBuf>,

    /// The file with a bearer token; without it BPFLAME_PUSH_TOKEN is taken
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_token_file: Option<PathBuf>,

    /// The tenant: the header X-Scope-OrgID
    #[arg(long, value_name = "ID", requires = "push", help_heading = "Upload")]
    pub push_tenant: Option<String>,

    /// The file with further headers, a line each: `Name: value`
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_header_file: Option<PathBuf>,

    /// The file with the certificates to trust, instead of the system's (PEM)
    #[arg(long, value_name = "FILE", requires = "push", help_heading = "Upload")]
    pub push_ca: Option<PathBuf>,

    /// The file with the certificate to show (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_key"], help_heading = "Upload")]
    pub push_cert: Option<PathBuf>,

    /// The file with the certificate's key (PEM)
    #[arg(long, value_name = "FILE", requires_all = ["push", "push_cert"], help_heading = "Upload")]
    pub push_key: Option<PathBuf>,

    /// Send passwords, tokens and headers over plain http to other machines, too
    #[arg(long, requires = "push", help_heading = "Upload")]
    pub push_plain_credentials: bool,

    /// How long to try, all attempts at one URL together
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
