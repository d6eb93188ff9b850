mod agreement;
#[cfg(target_arch = "x86_64")]
mod golden;
#[cfg(target_arch = "x86_64")]
mod interpreted;
#[cfg(target_arch = "x86_64")]
mod interpreter;
mod properties;

/// Numbers that are the same each time.
fn random(mut seed: u64) -> impl FnMut() -> u64 {
    move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }
}
