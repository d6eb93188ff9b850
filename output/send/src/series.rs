//! The service name and labels of a profile, and the sample labels to send.

/// The label with the service name.
pub(super) const SERVICE_NAME: &str = "service_name";

/// The service name and labels of a profile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Series {
    /// The service: the command's or the process's name by default.
    pub service_name: String,
    /// Further labels of the whole profile, by key.
    pub labels: Vec<(String, String)>,
    /// The sample labels to send; others are removed.
    pub allowed: Vec<String>,
}
