mod agreement;
#[cfg(target_arch = "x86_64")]
mod golden;
#[cfg(target_arch = "x86_64")]
mod interpreted;
#[cfg(target_arch = "x86_64")]
mod interpreter;
mod properties;
