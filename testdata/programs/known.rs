//! known-rust: short functions, generic ones, a closure, a trait object, and a panic that is caught.

use std::hint::black_box;

#[inline(never)]
fn small(value: u64) -> u64 {
    black_box(value) ^ 3
}

#[inline(never)]
fn array(value: u64) -> u64 {
    let mut values = [value; 40];
    black_box(&mut values);
    values[7]
}

trait Shape {
    fn area(&self, scale: u64) -> u64;
}

struct Square(u64);

impl Shape for Square {
    #[inline(never)]
    fn area(&self, scale: u64) -> u64 {
        product(black_box(self.0), scale) + 1
    }
}

#[inline(never)]
fn product(one: u64, other: u64) -> u64 {
    let values = [one, other, one ^ other, one & other];
    black_box(&values);
    values[0] * values[1]
}

#[inline(never)]
fn dynamic(value: u64) -> u64 {
    let square = Square(value);
    let shape: &dyn Shape = black_box(&square);
    shape.area(2) + 1
}

#[inline(never)]
fn apply(function: impl Fn(u64) -> u64, value: u64) -> u64 {
    function(black_box(value)) + black_box(1)
}

#[inline(never)]
fn inside(value: u64) -> u64 {
    black_box(value) + 5
}

#[inline(never)]
fn closures(value: u64) -> u64 {
    apply(|value| inside(value) * black_box(2), value) + 1
}

#[inline(never)]
fn once(value: u64) -> u64 {
    small(value) + array(value) + dynamic(value) + closures(value)
}

fn main() {
    let end = std::time::Instant::now() + std::time::Duration::from_secs(600);
    while std::time::Instant::now() < end {
        for value in 0..20_000_000 {
            black_box(once(black_box(value)));
        }
    }
}
