//! How a finite set of points is dealt: the rows that train, those of reference, and fresh ones.

use crate::numeric::random::Stream;
use rand::seq::SliceRandom;
use std::str::FromStr;

/// What points are for; each part has its own random stream, and its own rows of a finite set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// Training points.
    Train,
    /// Real points that samples are compared with.
    Reference,
    /// Other real points, scored as if they were samples.
    Fresh,
}

impl Part {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Train, Self::Reference, Self::Fresh];

    /// The name of the part and of its stream.
    pub fn name(self) -> &'static str {
        match self {
            Self::Train => "train",
            Self::Reference => "reference",
            Self::Fresh => "fresh",
        }
    }
}

impl FromStr for Part {
    type Err = String;

    fn from_str(s: &str) -> Result<Self, String> {
        Self::ALL
            .into_iter()
            .find(|p| p.name() == s)
            .ok_or_else(|| format!("`{s}` is no stream of points; give train, reference or fresh"))
    }
}

/// The numbers of rows of each part. For each replicate the rows are shuffled anew: the reference rows come first, then the
/// fresh ones; the others train.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Split {
    all: usize,
    reference: usize,
    fresh: usize,
}

impl Split {
    /// The fraction of the rows that is kept aside where nothing else is said.
    pub const TEST_FRACTION: f64 = 0.5;

    /// Splits `all` rows so that reference and fresh points each take half of the fraction that is kept aside, and no more
    /// than asked for.
    pub fn new(all: usize, test_fraction: f64, (reference, fresh): (usize, usize)) -> Self {
        let half = (0.5 * test_fraction * all as f64) as usize;
        Self { all, reference: reference.min(half), fresh: fresh.min(half) }
    }

    /// Number of all rows.
    pub fn all(&self) -> usize {
        self.all
    }

    /// Number of rows of a part.
    pub fn count(&self, part: Part) -> usize {
        match part {
            Part::Train => self.all - self.reference - self.fresh,
            Part::Reference => self.reference,
            Part::Fresh => self.fresh,
        }
    }

    /// The first `n` rows of a part, or all of them if there are fewer; `stream` shuffles.
    pub fn rows(&self, part: Part, n: usize, stream: &Stream) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.all).collect();
        order.shuffle(&mut stream.at(0));
        let begin = match part {
            Part::Reference => 0,
            Part::Fresh => self.reference,
            Part::Train => self.reference + self.fresh,
        };
        order[begin..begin + n.min(self.count(part))].to_vec()
    }
}
