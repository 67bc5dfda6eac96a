//! What the pipelines of one replicate share: data, reference points, and the line of fresh real points.

use super::error::StageError;
use crate::data::source::Part;
use crate::metrics::scored::{Reference, ScoreStep, Scorers, columns};
use crate::numeric::random::Stream;
use crate::numeric::trace::Trace;
use crate::space::{ConstantColumn, ReferenceScale, Scaling, Transform};
use crate::spec::Plan;
use crate::store::MetricsRow;
use candle_core::Device;
use ndarray::{Array2, ArrayView2, Axis};

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
    /// The draws by which a late start is found.
    LateStart,
    /// Noise of the reverse steps.
    SampleNoise,
    /// Noise of whole data sets: isotropy, and the scale of the control.
    Forward,
    /// Noise of the second continuations from the same points.
    CloneNoise,
    /// Noise of the fresh points on which the error by t is measured.
    ErrorNoise,
    /// Signs by which the divergence is estimated in many dimensions.
    Likelihood,
    /// Noise of the points at which the variational bound is computed.
    Bound,
}

impl Purpose {
    /// The stream of one replicate of a plan.
    pub fn stream(self, plan: &Plan, replicate: usize) -> Stream {
        self.seeded(plan.seed, replicate)
    }

    /// The stream of one replicate of a seed.
    pub fn seeded(self, seed: u64, replicate: usize) -> Stream {
        let name = match self {
            Self::Gaussianize => "gaussianize",
            Self::Parameters => "parameters",
            Self::Shuffle => "shuffle",
            Self::Timestep => "timestep",
            Self::TrainNoise => "train_noise",
            Self::Start => "start",
            Self::LateStart => "late_start",
            Self::SampleNoise => "sample_noise",
            Self::Forward => "forward",
            Self::CloneNoise => "clone_noise",
            Self::ErrorNoise => "error_noise",
            Self::Likelihood => "likelihood",
            Self::Bound => "bound",
        };
        Stream::new(seed, replicate as u64, name)
    }
}

/// Everything shared by the pipelines of one replicate.
pub struct Replicate {
    /// Training points `(n, d)` in data space.
    pub train: Array2<f64>,
    /// Real points to compare with `(m, d)`, in data space.
    pub reference: Array2<f64>,
    /// The scores of fresh real points: what a perfect sampler would get.
    pub fresh: MetricsRow,
    scorers: Scorers,
}

impl Replicate {
    /// Draws the data and prepares the metrics; distances may be computed on a device.
    ///
    /// # Errors
    /// If the data cannot be scaled or the reference points not be used.
    pub fn prepare(plan: &Plan, index: usize, device: &Device) -> Result<Self, StageError> {
        let source = &plan.data.source;
        let draw = |part, n| source.draw(part, n, plan.seed, index);
        let train = draw(Part::Train, plan.data.samples);
        let reference = reference_points(plan, index, plan.metrics.reference, train.view())?;
        let compared = Reference {
            points: reference.view(),
            density: source.mixture(),
            image: source.image_shape(),
            device,
        };
        let scorers = Scorers::prepare(&compared, &plan.metrics)?;
        let fresh = draw(Part::Fresh, plan.sample.count);
        let values = scorers.score(fresh.view(), ScoreStep::FINAL, &Trace::default())?;
        for (column, value) in columns().zip(&values) {
            if value.is_some_and(|v| !v.is_finite()) {
                return Err(StageError::InfiniteScore { what: column.heading });
            }
        }
        let fresh = MetricsRow { step: 0, t: 0, values };
        Ok(Self { train, reference, fresh, scorers })
    }

    /// Scores points `(n, d)` of data space: a value for each column of the metrics. The time that each metric takes is
    /// recorded.
    ///
    /// # Errors
    /// If a point is not finite.
    pub fn score(
        &self,
        points: ArrayView2<f64>,
        at: ScoreStep,
        trace: &Trace,
    ) -> Result<Vec<Option<f64>>, StageError> {
        Ok(self.scorers.score(points, at, trace)?)
    }
}

/// How many points of a part each replicate has.
pub fn count_of(plan: &Plan, part: Part) -> usize {
    match part {
        Part::Train => plan.data.samples,
        Part::Reference => plan.metrics.reference,
        Part::Fresh => plan.sample.count,
    }
}

/// Points of a part as a replicate has them, in data space; of a finite set at most as many as the part has.
///
/// # Errors
/// If reference points are to be scaled by their own ranges and cannot be.
pub fn points_of(plan: &Plan, part: Part, count: usize, index: usize) -> Result<Array2<f64>, ConstantColumn> {
    let draw = |part, count| plan.data.source.draw(part, count, plan.seed, index);
    match part {
        Part::Reference => reference_points(plan, index, count, draw(Part::Train, plan.data.samples).view()),
        _ => Ok(draw(part, count)),
    }
}

/// The real points of a replicate that its samples are compared with, in data space; `train` are its training points.
///
/// # Errors
/// If they are to be scaled by their own ranges and cannot be.
pub(super) fn reference_points(
    plan: &Plan,
    index: usize,
    count: usize,
    train: ArrayView2<f64>,
) -> Result<Array2<f64>, ConstantColumn> {
    let points = plan.data.source.draw(Part::Reference, count, plan.seed, index);
    if plan.data.reference_scale == ReferenceScale::Training {
        return Ok(points);
    }
    // A column that is constant among the ones or the others cannot be stretched, and stays as it is.
    let constant = |x: ArrayView2<f64>| -> Vec<bool> {
        x.columns().into_iter().map(|column| column.iter().all(|v| *v == column[0])).collect()
    };
    let constant: Vec<bool> =
        constant(train).into_iter().zip(constant(points.view())).map(|(a, b)| a || b).collect();
    let varying: Vec<usize> = (0..constant.len()).filter(|j| !constant[*j]).collect();
    let scaling = Scaling::fit(plan.data.scale, train.select(Axis(1), &varying).view())?;
    let own_columns = points.select(Axis(1), &varying);
    let own = Scaling::fit(plan.data.scale, own_columns.view())?;
    let stretched = scaling.inverse(own.forward(own_columns.view()).view());
    let mut points = points;
    for (from, j) in varying.into_iter().enumerate() {
        points.column_mut(j).assign(&stretched.column(from));
    }
    Ok(points)
}
