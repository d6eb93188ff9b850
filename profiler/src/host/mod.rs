//! The machine and the user: exit codes, messages, signals, `/proc`, the kernel's version, privileges.
//!
//! In reading order: [`exit`], [`console`], `stdout`, `progress`, `signals`, `interrupt` and `stop` (Ctrl-C), `clock`, `proc`,
//! [`kernel`], `own_usage`, `privileges`, `naming` (the process that makes names), [`sudo_user`].

pub(crate) mod again;
pub(crate) mod clock;
pub mod console;
pub mod exit;
pub(crate) mod interrupt;
pub mod kernel;
pub(crate) mod looking;
pub(crate) mod naming;
pub(crate) mod own_usage;
pub(crate) mod priority;
pub(crate) mod privileges;
pub(crate) mod proc;
pub(crate) mod progress;
pub(crate) mod signals;
pub(crate) mod stdout;
pub(crate) mod stop;
pub mod sudo_user;
