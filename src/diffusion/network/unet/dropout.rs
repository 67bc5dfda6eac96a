//! Which values a training leaves out (Srivastava et al. 2014): a function of the iteration, the image's place in the batch
//! and the node, so that every backend leaves out the same ones, and a training that goes on from a checkpoint too.

use crate::numeric::random::Stream;
use rand::Rng;

/// Bits of a sub-stream's number that count the images of a batch.
const IMAGE_BITS: u32 = 24;

/// The choices of one iteration.
#[derive(Clone, Copy, Debug)]
pub struct Dropout {
    stream: DropoutStream,
    /// A value is left out where a number of 16 bits is below this.
    below: u16,
    factor: f32,
}

/// The stream of a training's choices, at one iteration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DropoutStream {
    /// The stream of the training.
    pub stream: Stream,
    /// The iteration, from 0.
    pub iteration: usize,
}

impl Dropout {
    /// Leaves out a value with this probability, to the next multiple of 2^-16.
    pub fn new(stream: DropoutStream, probability: f64) -> Self {
        let below = (probability * 65_536.0).round().min(65_535.0);
        Self { stream, below: below as u16, factor: (65_536.0 / (65_536.0 - below)) as f32 }
    }

    /// The factors of the values of a node for image number `image` of the batch: 0 or `1 / (1 - probability)`.
    pub fn factors(&self, image: usize, node: usize, factors: &mut [f32]) {
        let DropoutStream { stream, iteration } = self.stream;
        let mut rng =
            stream.child(&format!("node {node}")).at(((iteration as u64) << IMAGE_BITS) | image as u64);
        let mut bytes = [0u8; 128];
        for factors in factors.chunks_mut(bytes.len() / 2) {
            rng.fill_bytes(&mut bytes);
            for (factor, bits) in factors.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *factor = if u16::from_le_bytes(*bits) < self.below { 0.0 } else { self.factor };
            }
        }
    }
}
