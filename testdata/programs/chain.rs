//! chain-rust SECONDS: main > garden::water > garden::Bed<garden::Rose>::sprinkle > garden::drop, with garden::fall
//! inlined into drop.

mod garden {
    use std::hint::black_box;

    pub struct Rose;

    pub struct Bed<T> {
        pub plants: Vec<T>,
    }

    #[inline(always)]
    fn fall(turns: u64) -> u64 {
        (0..turns).fold(0, |sum, i| black_box(sum ^ i))
    }

    #[inline(never)]
    fn drop(turns: u64) -> u64 {
        fall(black_box(turns))
    }

    impl<T> Bed<T> {
        #[inline(never)]
        pub fn sprinkle(&self) -> u64 {
            let mut sum = 0;
            for _ in &self.plants {
                sum += black_box(drop(300_000));
            }
            sum
        }
    }

    #[inline(never)]
    pub fn water(bed: &Bed<Rose>) {
        black_box(bed.sprinkle());
    }
}

fn main() {
    let seconds = std::env::args().nth(1).and_then(|s| s.parse().ok()).unwrap_or(10.0_f64);
    let end = std::time::Instant::now() + std::time::Duration::from_secs_f64(seconds.clamp(0.0, 600.0));
    let bed = garden::Bed { plants: vec![garden::Rose, garden::Rose, garden::Rose] };
    while std::time::Instant::now() < end {
        garden::water(std::hint::black_box(&bed));
    }
}
