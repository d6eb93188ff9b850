//! The settings for sending, made from the command line. Files are read and certificates checked before anything else is done.

use super::files::{self, Files};
use super::{header, probe, typed};
use crate::cli::args::PushArgs;
use crate::cli::secrets::{PASSWORD, TOKEN};
use crate::host::console::Console;
use crate::host::exit::{Failure, Kind};
use send::{Client, Credentials, Endpoint, Secret, Series, Settings};
use std::env;
use std::sync::Arc;
use std::time::Duration;

/// The sample labels that are always sent, because they have few values. Process and thread ids are sent only on request.
const ALLOWED: [&str; 4] = ["service_name", "comm", "container_id", "unit"];

/// The time for one attempt.
const ATTEMPT: Duration = Duration::from_secs(10);

/// The receivers of profiles, the service name, and the settings for sending.
#[derive(Clone, Debug)]
pub struct Push {
    /// The receivers, in the order in which they were typed.
    pub(super) receivers: Vec<Receiver>,
    service_name: Option<String>,
    labels: Vec<(String, String)>,
    allowed: Vec<String>,
    /// The options to repeat when a file is sent again, without the URLs and the service name.
    pub(super) again: Vec<String>,
}

/// A backend, ready to be sent to.
#[derive(Clone, Debug)]
pub(super) struct Receiver {
    /// The backend and its address.
    pub endpoint: Endpoint,
    /// The HTTP client.
    pub client: Arc<Client>,
}

impl Push {
    /// Makes the settings from the command line; `None` without a URL.
    ///
    /// # Errors
    /// [`Kind::Usage`] for wrong options, [`Kind::Failed`] for files that cannot be read. No message contains a secret.
    pub(crate) fn new(args: &PushArgs, console: Console) -> Result<Option<Self>, Failure> {
        if args.push.is_empty() {
            return Ok(None);
        }
        let endpoints = endpoints(&args.push)?;
        let mut files = Files::default();
        let settings = settings(args, &mut files)?;
        let receiver = |endpoint: Endpoint| {
            let client = Client::new(endpoint.clone(), settings.clone())
                .map_err(|why| Failure::new(Kind::Failed, format!("--push {endpoint}: {why}")))?;
            Ok(Receiver { endpoint, client: Arc::new(client) })
        };
        let receivers = endpoints.into_iter().map(receiver).collect::<Result<_, Failure>>()?;
        let push = Self {
            receivers,
            service_name: args.service_name.clone(),
            labels: args.labels.clone(),
            allowed: ALLOWED.into_iter().map(String::from).chain(args.push_label.clone()).collect(),
            again: typed::again(args),
        };
        push.check()?;
        files.warning().iter().for_each(|warning| console.warn(warning));
        Ok(Some(push))
    }

    /// The series of a profile. Its name comes from the command line, otherwise from `found`, which may be empty for a
    /// process.
    pub(crate) fn series(&self, found: impl FnOnce() -> String) -> Series {
        let name = self.service_name.clone().unwrap_or_else(found);
        Series {
            service_name: Some(name)
                .filter(|name| !name.is_empty())
                .unwrap_or_else(|| String::from("unknown")),
            labels: self.labels.clone(),
            allowed: self.allowed.clone(),
        }
    }

    fn check(&self) -> Result<(), Failure> {
        let usage = |message: String| Err(Failure::new(Kind::Usage, message));
        let mut keys: Vec<&str> = self.labels.iter().map(|(key, _)| key.as_str()).collect();
        if keys.contains(&"service_name") {
            return usage(String::from("use --service-name instead of --label service_name=…"));
        }
        keys.sort_unstable();
        if let Some(twice) = keys.windows(2).find(|pair| pair[0] == pair[1]) {
            return usage(format!("--label {} is given twice", twice[0]));
        }
        let unknown = || String::from("x");
        let backends: Vec<_> = self.receivers.iter().map(|to| to.endpoint.backend).collect();
        probe::probe(&backends, &self.series(unknown)).or_else(usage)
    }
}

fn endpoints(urls: &[String]) -> Result<Vec<Endpoint>, Failure> {
    let usage = |message: String| Failure::new(Kind::Usage, message);
    let mut list = Vec::new();
    for url in urls {
        // The message does not show the URL, which may contain a password.
        let endpoint = Endpoint::parse(url).map_err(|why| usage(format!("--push: {why}")))?;
        if list.contains(&endpoint) {
            return Err(usage(format!("--push {endpoint} is given twice")));
        }
        list.push(endpoint);
    }
    Ok(list)
}

fn settings(args: &PushArgs, files: &mut Files) -> Result<Settings, Failure> {
    let headers = args.push_header_file.as_deref().map(|path| {
        header::parse(&files.private(path)?)
            .map_err(|why| Failure::new(Kind::Failed, format!("{}: {why}", path.display())))
    });
    let headers = headers.transpose()?.unwrap_or_default();
    let identity = match (&args.push_cert, &args.push_key) {
        (Some(cert), Some(key)) => Some((files.public(cert)?, Secret::new(files.private(key)?))),
        _ => None,
    };
    Ok(Settings {
        credentials: credentials(args, files)?,
        tenant: args.push_tenant.clone(),
        headers,
        ca: args.push_ca.as_deref().map(|path| files.public(path)).transpose()?,
        identity,
        plain_credentials: args.push_plain_credentials,
        attempt: ATTEMPT.min(args.push_timeout),
        total: args.push_timeout,
        environment: environment(),
    })
}

/// The variables for the senders, which read no environment themselves.
fn environment() -> Vec<(String, Secret)> {
    let set = |name: &str| Some((String::from(name), Secret::new(env::var(name).ok()?)));
    Settings::ENVIRONMENT.into_iter().filter_map(set).collect()
}

/// The credentials: options come before environment variables.
fn credentials(args: &PushArgs, files: &mut Files) -> Result<Credentials, Failure> {
    if let Some(user) = &args.push_user {
        let password = match &args.push_password_file {
            Some(path) => Some(files.secret(path)?),
            None => files::variable(PASSWORD)?,
        };
        let password = password.ok_or_else(|| {
            Failure::new(Kind::Usage, "--push-user needs a password")
                .cure(format!("give --push-password-file FILE, or set {}", PASSWORD))
        })?;
        return Ok(Credentials::Basic(user.clone(), password));
    }
    let token = match &args.push_token_file {
        Some(path) => Some(files.secret(path)?),
        None => files::variable(TOKEN)?,
    };
    if token.is_none() && files::variable(PASSWORD)?.is_some() {
        let why = format!("{} is set but --push-user is not", PASSWORD);
        return Err(Failure::new(Kind::Usage, why)
            .cure(format!("give --push-user NAME, or unset {}", PASSWORD)));
    }
    Ok(token.map_or(Credentials::None, Credentials::Bearer))
}
