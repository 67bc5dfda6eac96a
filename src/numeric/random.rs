//! Counter-based named random streams: the only source of randomness in the crate.
//!
//! A stream is named by `(seed, replicate, purpose)` and holds 2^64 independent sub-streams that are
//! reached by index, in any order. So nothing depends on the order in which threads ask, a run that
//! was interrupted goes on from a bare iteration number, and a changed lambda, width or sampler
//! leaves data and noise as they were.

use ndarray::{Array2, Axis};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use rand_distr::{Distribution, StandardNormal, StandardUniform};
use rayon::prelude::*;
use sha2::{Digest, Sha256};

/// Rows that share one sub-stream in [`Stream::standard_normal`]. Part of the definition of the
/// numbers drawn: changing it changes every result.
const CHUNK_ROWS: usize = 1024;

/// Bits of a sub-stream index that number the chunks of one matrix.
const CHUNK_BITS: u32 = 24;

/// A named stream of random numbers, cheap to copy and free of state.
/// ```
/// use gdiff::numeric::random::Stream;
///
/// let noise = Stream::new(1, 0, "noise");
/// let (few, many) = (noise.standard_normal(7, 3, 2), noise.standard_normal(7, 5000, 2));
/// assert_eq!(few, many.slice(ndarray::s![..3, ..]));
/// assert_ne!(few, noise.standard_normal(8, 3, 2));
/// assert_ne!(few, Stream::new(1, 1, "noise").standard_normal(7, 3, 2));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stream {
    key: [u8; 32],
}

impl Stream {
    /// The stream called `purpose` of one replicate of an experiment.
    pub fn new(seed: u64, replicate: u64, purpose: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"gdiff stream 1\0")
            .chain_update(seed.to_le_bytes())
            .chain_update(replicate.to_le_bytes())
            .chain_update(purpose.as_bytes())
            .finalize();
        Self { key: digest.into() }
    }

    /// A stream within this one, independent of it and of its other children.
    pub fn child(&self, purpose: &str) -> Self {
        let digest = Sha256::new()
            .chain_update(b"gdiff child 1\0")
            .chain_update(self.key)
            .chain_update(purpose.as_bytes())
            .finalize();
        Self { key: digest.into() }
    }

    /// A seed for a stream that is to be named by a number in a file, of 53 bits.
    pub fn seed(&self) -> u64 {
        u64::from_le_bytes(self.key[..8].try_into().expect("a key has 32 bytes")) >> 11
    }

    /// The generator of sub-stream `index`, at its beginning.
    pub fn at(&self, index: u64) -> ChaCha8Rng {
        let mut rng = ChaCha8Rng::from_seed(self.key);
        rng.set_stream(index);
        rng
    }

    /// The key of ChaCha8, as the eight numbers of its state: for drawing what [`at`](Self::at) draws elsewhere.
    #[cfg(feature = "cuda")]
    pub(crate) fn key_words(&self) -> [u32; 8] {
        let (words, _) = self.key.as_chunks::<4>();
        std::array::from_fn(|i| u32::from_le_bytes(words[i]))
    }

    /// `count` of the numbers `0..n`, drawn without replacement: the first of a Fisher-Yates shuffle.
    ///
    /// # Panics
    /// If `count` is more than `n`.
    pub fn subset(&self, index: u64, n: usize, count: usize) -> Vec<usize> {
        let mut rng = self.at(index);
        let mut all: Vec<usize> = (0..n).collect();
        for i in 0..count {
            all.swap(i, rng.random_range(i..n));
        }
        all.truncate(count);
        all
    }

    /// A `(rows, cols)` matrix of independent N(0, 1) numbers, matrix number `index` of this stream.
    ///
    /// Drawn in parallel, yet the same for every number of threads. The first rows do not depend on
    /// how many follow.
    pub fn standard_normal(&self, index: u64, rows: usize, cols: usize) -> Array2<f64> {
        let mut out = Array2::zeros((rows, cols));
        out.axis_chunks_iter_mut(Axis(0), CHUNK_ROWS).into_par_iter().enumerate().for_each(
            |(chunk, mut block)| {
                let mut rng = self.at((index << CHUNK_BITS) | chunk as u64);
                block.iter_mut().for_each(|v| *v = StandardNormal.sample(&mut rng));
            },
        );
        out
    }

    /// `rows` independent numbers uniform in `[0, 1)`, list number `index` of this stream.
    ///
    /// Drawn in parallel, yet the same for every number of threads. The first ones do not depend on how many follow.
    pub fn uniform(&self, index: u64, rows: usize) -> Vec<f64> {
        let mut out = vec![0.0; rows];
        out.par_chunks_mut(CHUNK_ROWS).enumerate().for_each(|(chunk, block)| {
            let mut rng = self.at((index << CHUNK_BITS) | chunk as u64);
            block.iter_mut().for_each(|v| *v = StandardUniform.sample(&mut rng));
        });
        out
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::s;

    #[test]
    fn streams_differ_by_seed_replicate_purpose_and_index() {
        let base = Stream::new(1, 0, "a");
        let draw = |s: Stream, i| s.standard_normal(i, 4, 2);
        let reference = draw(base, 0);
        for other in [Stream::new(2, 0, "a"), Stream::new(1, 1, "a"), Stream::new(1, 0, "b"), base.child("a")]
        {
            assert_ne!(reference, draw(other, 0));
        }
        assert_ne!(reference, draw(base, 1));
        assert_eq!(reference, draw(base, 0));
    }

    #[test]
    fn first_rows_do_not_depend_on_the_number_of_rows_nor_of_threads() {
        let stream = Stream::new(7, 3, "noise");
        let long = stream.standard_normal(5, 5000, 3);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        let short = one.install(|| stream.standard_normal(5, 1500, 3));
        assert_eq!(long.slice(s![..1500, ..]), short);
    }

    #[test]
    fn uniform_numbers_fill_the_unit_interval_evenly_and_begin_alike() {
        let stream = Stream::new(3, 0, "uniform");
        let u = stream.uniform(2, 100_000);
        assert_eq!(u[..1500], stream.uniform(2, 1500));
        assert_ne!(u[..5], stream.uniform(3, 5));
        assert!(u.iter().all(|v| (0.0..1.0).contains(v)));
        for tenth in 0..10 {
            let share = u.iter().filter(|v| (*v * 10.0).floor() == f64::from(tenth)).count() as f64 / 1e5;
            assert!((share - 0.1).abs() < 0.005, "{tenth}: {share}");
        }
        assert!(stream.seed() < 1 << 53 && stream.seed() != stream.child("a").seed());
    }

    #[test]
    fn moments_are_those_of_the_standard_normal() {
        let z = Stream::new(11, 0, "moments").standard_normal(0, 200_000, 1);
        let n = z.len() as f64;
        let moment = |p: i32| z.iter().map(|v| v.powi(p)).sum::<f64>() / n;
        assert!(moment(1).abs() < 4.0 / n.sqrt());
        assert!((moment(2) - 1.0).abs() < 4.0 * (2.0 / n).sqrt());
        assert!((moment(4) - 3.0).abs() < 4.0 * (96.0 / n).sqrt());
    }
}
