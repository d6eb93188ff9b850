mod agreement;
#[cfg(target_arch = "x86_64")]
mod extended_frames;
#[cfg(target_arch = "x86_64")]
mod golden;
#[cfg(target_arch = "x86_64")]
mod hotspot;
mod hotspot_new;
#[cfg(target_arch = "x86_64")]
mod interpreted;
mod properties;
mod python;
#[cfg(target_arch = "x86_64")]
mod v8;
