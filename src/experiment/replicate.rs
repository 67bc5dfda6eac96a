//! What the pipelines of one replicate share: data, reference points, and the line of fresh real points.

use super::error::StageError;
use crate::data::scaling::{ConstantColumn, ReferenceScale, Scaling};
use crate::data::source::Part;
use crate::metrics::{LogLikelihoodStats, Prdc, RealManifold, log_likelihood_stats};
use crate::numeric::random::Stream;
use crate::spec::Plan;
use candle_core::Device;
use ndarray::{Array2, ArrayView2};

/// What a random stream beside those of the data is for. Changing the network, the loss or the sampler
/// leaves all of them as they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// The Gaussianizer's held-out points and random rotations.
    Gaussianize,
    /// First parameters of the network.
    Parameters,
    /// Order of the training points.
    Shuffle,
    /// Diffusion times of the training batches.
    Timestep,
    /// Noise of the training batches.
    TrainNoise,
    /// Starting points x_T.
    Start,
    /// Noise of the reverse steps.
    SampleNoise,
    /// Noise of whole data sets: isotropy, and the scale of the control.
    Forward,
}

impl Purpose {
    /// The stream of one replicate of a plan.
    pub fn stream(self, plan: &Plan, replicate: usize) -> Stream {
        let name = match self {
            Self::Gaussianize => "gaussianize",
            Self::Parameters => "parameters",
            Self::Shuffle => "shuffle",
            Self::Timestep => "timestep",
            Self::TrainNoise => "train_noise",
            Self::Start => "start",
            Self::SampleNoise => "sample_noise",
            Self::Forward => "forward",
        };
        Stream::new(plan.seed, replicate as u64, name)
    }
}

/// The metrics of one cloud of points in data space.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Scores {
    /// Log-likelihood statistics, where the density is known.
    pub log_likelihood: Option<LogLikelihoodStats>,
    /// Precision, recall, density and coverage.
    pub prdc: Option<Prdc>,
}

/// Everything shared by the pipelines of one replicate.
pub struct Replicate {
    /// Training points `(n, d)` in data space.
    pub train: Array2<f64>,
    /// From data space to the network's.
    pub scaling: Scaling,
    /// Real points to compare with `(m, d)`, in data space.
    pub reference: Array2<f64>,
    /// The scores of fresh real points: what a perfect sampler would get.
    pub fresh: Scores,
    /// The spheres of the reference points, where PRDC is asked for.
    pub manifold: Option<RealManifold>,
    smallest_real: f64,
}

impl Replicate {
    /// Draws the data and prepares the reference points; distances may be computed on a device.
    ///
    /// # Errors
    /// If the data cannot be scaled or the reference points not be indexed.
    pub fn prepare(plan: &Plan, index: usize, device: &Device) -> Result<Self, StageError> {
        let source = &plan.data.source;
        let draw = |part, n| source.draw(part, n, plan.seed, index);
        let train = draw(Part::Train, plan.data.samples);
        let scaling = Scaling::fit(plan.data.scale, train.view())?;
        let reference = reference_points(plan, index, &scaling)?;
        let manifold = if plan.metrics.prdc {
            Some(RealManifold::on(device, reference.view(), plan.metrics.k)?)
        } else {
            None
        };
        let smallest_real = match source.mixture() {
            Some(mixture) if plan.metrics.log_likelihood => {
                mixture.log_density(reference.view()).into_iter().fold(f64::INFINITY, f64::min)
            }
            _ => f64::NEG_INFINITY,
        };
        let mut replicate =
            Self { train, scaling, reference, fresh: Scores::default(), manifold, smallest_real };
        let fresh = draw(Part::Fresh, plan.sample.count);
        replicate.fresh = replicate.score(plan, fresh.view())?;
        Ok(replicate)
    }

    /// Scores points of data space.
    ///
    /// # Errors
    /// If a point is not finite.
    pub fn score(&self, plan: &Plan, points: ArrayView2<f64>) -> Result<Scores, StageError> {
        let log_likelihood = match plan.data.source.mixture() {
            Some(mixture) if plan.metrics.log_likelihood => {
                Some(log_likelihood_stats(&mixture.log_density(points).to_vec(), self.smallest_real))
            }
            _ => None,
        };
        let prdc = self.manifold.as_ref().map(|m| m.prdc(points)).transpose()?;
        Ok(Scores { log_likelihood, prdc })
    }
}

/// The real points of a replicate that its samples are compared with, in data space.
///
/// # Errors
/// If they are to be scaled by their own ranges and cannot be.
pub(super) fn reference_points(
    plan: &Plan,
    index: usize,
    scaling: &Scaling,
) -> Result<Array2<f64>, ConstantColumn> {
    let points = plan.data.source.draw(Part::Reference, plan.metrics.reference, plan.seed, index);
    if plan.data.reference_scale == ReferenceScale::Training {
        return Ok(points);
    }
    let own = Scaling::fit(plan.data.scale, points.view())?;
    Ok(scaling.inverse(own.forward(points.view()).view()))
}
