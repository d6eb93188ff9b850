//! Variables that hold secrets.

/// The variables that hold secrets: they are kept from the processes that bpflame starts.
pub(crate) const SECRETS: [&str; 2] = [PASSWORD, TOKEN];
/// The variable with a user's password.
pub(crate) const PASSWORD: &str = "BPFLAME_PUSH_PASSWORD";
/// The variable with a bearer token.
pub(crate) const TOKEN: &str = "BPFLAME_PUSH_TOKEN";
