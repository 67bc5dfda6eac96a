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
        let (stream, first) = self.of_node(node);
        let mut rng = stream.at(first + image as u64);
        let mut bytes = [0u8; 128];
        for factors in factors.chunks_mut(bytes.len() / 2) {
            rng.fill_bytes(&mut bytes);
            for (factor, bits) in factors.iter_mut().zip(bytes.as_chunks::<2>().0) {
                *factor = if u16::from_le_bytes(*bits) < self.below { 0.0 } else { self.factor };
            }
        }
    }

    /// The stream of a node, and the number of the first image's sub-stream.
    fn of_node(&self, node: usize) -> (Stream, u64) {
        let DropoutStream { stream, iteration } = self.stream;
        (stream.child(&format!("node {node}")), (iteration as u64) << IMAGE_BITS)
    }

    /// The choices of a node, for whoever draws them without [`factors`](Self::factors).
    #[cfg(feature = "cuda")]
    pub fn choices(&self, node: usize) -> NodeDropout {
        let (stream, first) = self.of_node(node);
        NodeDropout { key: stream.key_words(), first, below: self.below, factor: self.factor }
    }
}

/// What the choices of a node are drawn by: value `i` of image `j` is left out where the 16-bit number `i` of ChaCha8 with this
/// key and the stream `first + j` is smaller than `below`, and else multiplied by `factor`.
#[cfg(feature = "cuda")]
#[derive(Clone, Copy, Debug)]
pub struct NodeDropout {
    /// The key, as ChaCha's eight numbers.
    pub key: [u32; 8],
    /// The number of the stream of the first image.
    pub first: u64,
    /// What is below is left out.
    pub below: u16,
    /// The factor of what is kept.
    pub factor: f32,
}
