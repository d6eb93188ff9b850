//! A door to the reader, for its fuzz target.

use super::super::reader::{Found, Reader, Running};
use super::frame::{Frame, Place};
use super::{V8, image};

/// Recorded memory of a process, and frames in it.
#[derive(Clone, Debug)]
pub struct Image(image::Image);

impl Image {
    /// Reads an image. What is cut off is left out.
    pub fn parse(bytes: &[u8]) -> Self {
        Self(image::Image::parse(bytes))
    }

    /// The number of frames.
    pub fn frames(&self) -> usize {
        self.0.objects.len()
    }

    /// The functions of the frames, and those at their addresses.
    pub fn names(&self) -> (Vec<Found>, Vec<Found>) {
        let process = Running { memory: &self.0, image: self.0.header };
        let address = |object| match Frame::of(object) {
            Frame { place: Place::Instruction(address), .. } => address,
            Frame { place: Place::Bytecode(_), shared, .. } => shared,
        };
        let addresses: Vec<u64> = self.0.objects.iter().copied().map(address).collect();
        (V8.functions(&process, &self.0.objects), V8.code(&process, &addresses))
    }
}
