//! Requests as a reader sees them, by messages of their own definition. The tests of the crate `send` take this file too.

pub(crate) mod decoded;
pub(crate) mod messages;

pub(crate) use messages::Request;
