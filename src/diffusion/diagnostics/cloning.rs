//! Cloning (Biroli et al. 2024): from the same points of a reverse step the process goes on twice with independent
//! noise, and the share of the pairs that end in one mode says how far the mode was chosen at that step.

use crate::diffusion::sample::{Sampler, Step};
use crate::diffusion::{Denoiser, DiffusionError, Schedule};
use crate::numeric::random::Stream;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use rand::RngExt;
use std::collections::BTreeSet;

/// The normalized agreement at which the mode counts as chosen: 0.775 of the pairs for two equal classes.
pub const LEVEL: f64 = 0.55;

/// Even parts of the reverse process at whose ends it is cloned in any case.
const PARTS: usize = 10;

/// Even parts of the reverse process that are told apart near the step of the theory and near the crossing.
const FINE_PARTS: usize = 40;

/// Fine parts on each side of the step of the theory.
const AROUND: usize = 2;

/// Resamplings of the points for the interval of the crossing.
const RESAMPLINGS: u64 = 400;

/// The reverse steps of a process of `last` steps that may be cloned: every fortieth, and those around `theory`.
pub fn candidate_steps(last: usize, theory: Option<usize>) -> BTreeSet<usize> {
    (0..=FINE_PARTS).map(|i| i * last / FINE_PARTS).chain(around(last, theory)).collect()
}

/// Those that are cloned first: every tenth, and those around `theory`.
pub fn first_steps(last: usize, theory: Option<usize>) -> BTreeSet<usize> {
    (0..=PARTS).map(|i| i * last / PARTS).chain(around(last, theory)).collect()
}

fn around(last: usize, theory: Option<usize>) -> impl Iterator<Item = usize> {
    let part = (last / FINE_PARTS).max(1);
    let near = move |s: usize| (0..=2 * AROUND).map(move |k| (s + k * part).saturating_sub(AROUND * part));
    theory.into_iter().flat_map(near).filter(move |step| *step <= last)
}

/// Goes on from the points `from` of each of several reverse steps, which rise, to the end of the process, with noise of
/// a stream of its own for each step. Returns `x_0` of each. All are moved together, so that the denoiser is asked once
/// a step. `sampler` is built anew, and must not remember steps before.
///
/// # Errors
/// If the denoiser or `check`, which is called before each step, fails.
pub fn go_on<E: From<DiffusionError>>(
    denoiser: &dyn Denoiser,
    schedule: &Schedule,
    mut sampler: Box<dyn Sampler>,
    from: &[(usize, ArrayView2<f64>)],
    noise: &Stream,
    check: &dyn Fn() -> Result<(), E>,
) -> Result<Vec<Array2<f64>>, E> {
    let mut times = sampler.times(schedule)?;
    times.push(0);
    let streams: Vec<Stream> = from.iter().map(|(step, _)| noise.child(&format!("from {step}"))).collect();
    let mut x: Array2<f64> = Array2::zeros((0, from.first().map_or(0, |(_, x)| x.ncols())));
    let join = |parts: &[ArrayView2<f64>]| concatenate(Axis(0), parts).expect("all have the same dimension");
    let mut moving = 0;
    for (step, pair) in times.windows(2).enumerate() {
        while let Some((_, points)) = from.get(moving).filter(|(begin, _)| *begin == step) {
            x = join(&[x.view(), points.view()]);
            moving += 1;
        }
        if moving == 0 {
            continue;
        }
        check()?;
        let fresh = |t: usize| {
            let one = |(stream, (_, points)): (&Stream, &(usize, ArrayView2<f64>))| {
                stream.standard_normal(t as u64, points.nrows(), points.ncols())
            };
            let all: Vec<Array2<f64>> = streams.iter().zip(&from[..moving]).map(one).collect();
            join(&all.iter().map(|z| z.view()).collect::<Vec<_>>())
        };
        let at = Step { t: pair[0], to: pair[1], schedule, denoiser, noise: &fresh, bounds: None };
        sampler.step(&at, &mut x)?;
    }
    let mut ends = Vec::new();
    let mut begin = 0;
    for (i, (_, points)) in from.iter().enumerate() {
        // Those of the last step have nowhere to go.
        if i >= moving {
            ends.push(points.to_owned());
            continue;
        }
        let end = begin + points.nrows();
        ends.push(x.slice(ndarray::s![begin..end, ..]).to_owned());
        begin = end;
    }
    Ok(ends)
}

/// Which pairs agree, by the step from which they went on.
#[derive(Debug, Clone, Default)]
pub struct Agreement {
    /// Reverse steps, rising, each with a flag for each point; all have the same points.
    pub steps: Vec<(usize, Vec<bool>)>,
}

/// A step between two others, with the ends of its 95 % interval over the points.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Crossing {
    /// Where the normalized agreement crosses [`LEVEL`].
    pub step: f64,
    /// The 2.5 % quantile over resamplings of the points.
    pub low: f64,
    /// The 97.5 % quantile.
    pub high: f64,
}

impl Agreement {
    /// Adds the pairs of a step.
    pub fn add(&mut self, step: usize, agree: Vec<bool>) {
        let place = self.steps.partition_point(|(other, _)| *other < step);
        self.steps.insert(place, (step, agree));
    }

    /// `phi(s)`: the share of the pairs that agree, by step.
    pub fn shares(&self) -> Vec<(usize, f64)> {
        let share = |agree: &Vec<bool>| agree.iter().filter(|a| **a).count() as f64 / agree.len() as f64;
        self.steps.iter().map(|(step, agree)| (*step, share(agree))).collect()
    }

    /// Where `(phi(s) - chance) / (1 - chance)` crosses [`LEVEL`], with its interval by the bootstrap over the points; 0
    /// in a resampling in which it is above from the beginning. None where it is so for all points, or chance is 1.
    pub fn crossing(&self, chance: f64, resampling: &Stream) -> Option<Crossing> {
        let step = crossing(&self.shares(), chance)?;
        let points = self.steps.first().map_or(0, |(_, agree)| agree.len());
        let resampled = |index: u64| {
            let mut rng = resampling.at(index);
            let mut counts = vec![0_usize; self.steps.len()];
            for _ in 0..points {
                let point = rng.random_range(0..points);
                for (count, (_, agree)) in counts.iter_mut().zip(&self.steps) {
                    *count += usize::from(agree[point]);
                }
            }
            let share =
                |(count, (step, _)): (&usize, &(usize, Vec<bool>))| (*step, *count as f64 / points as f64);
            let shares: Vec<(usize, f64)> = counts.iter().zip(&self.steps).map(share).collect();
            crossing(&shares, chance).unwrap_or(0.0)
        };
        let mut steps: Vec<f64> = (0..RESAMPLINGS).map(resampled).collect();
        steps.sort_by(f64::total_cmp);
        let quantile = |q: f64| steps[(q * (steps.len() - 1) as f64).round() as usize];
        Some(Crossing { step, low: quantile(0.025), high: quantile(0.975) })
    }

    /// Candidates between the two steps that hold the crossing.
    pub fn between(&self, chance: f64, candidates: &BTreeSet<usize>) -> BTreeSet<usize> {
        match bracket(&self.shares(), chance) {
            Some(i) => {
                let (low, high) = (self.steps[i].0, self.steps[i + 1].0);
                candidates.range(low + 1..high.max(low + 1)).copied().collect()
            }
            None => BTreeSet::new(),
        }
    }
}

/// `(phi - chance) / (1 - chance)`; none where chance is 1, as with a single mode.
pub fn normalized(phi: f64, chance: f64) -> Option<f64> {
    (chance < 1.0 - 1e-12).then(|| (phi - chance) / (1.0 - chance))
}

/// The last step that is below the level, if one follows that is not.
fn bracket(shares: &[(usize, f64)], chance: f64) -> Option<usize> {
    let below = |(_, phi): &(usize, f64)| normalized(*phi, chance).is_some_and(|value| value < LEVEL);
    shares.iter().rposition(below).filter(|i| i + 1 < shares.len())
}

/// Where the normalized share crosses [`LEVEL`] for the last time, interpolated between steps; none where it is never
/// below, or never reaches it.
///
/// # Examples
///
/// ```
/// use gdiff::diffusion::diagnostics::cloning::crossing;
/// // Of two equal classes half agree by chance, and 0.775 is the level.
/// let step = crossing(&[(0, 0.5), (10, 0.55), (20, 1.0), (30, 1.0)], 0.5).unwrap();
/// assert!((step - 15.0).abs() < 1e-12);
/// assert_eq!(crossing(&[(0, 0.9), (10, 1.0)], 0.5), None);
/// ```
pub fn crossing(shares: &[(usize, f64)], chance: f64) -> Option<f64> {
    let i = bracket(shares, chance)?;
    let ((low, before), (high, after)) = (shares[i], shares[i + 1]);
    let (before, after) = (normalized(before, chance)?, normalized(after, chance)?);
    Some(low as f64 + (high - low) as f64 * (LEVEL - before) / (after - before))
}
