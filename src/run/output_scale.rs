//! By how much the isotropy term (I 28) scales a network's predictions: as measured, and as the loss asks for.

use super::error::{RunError, StageError};
use super::finished_run::{FinishedRun, training_points};
use super::replicate::Purpose;
use crate::diffusion::isotropy::prediction_moments;
use crate::diffusion::train::loss::isotropy_scale_of_batches;
use crate::diffusion::{IsotropyForm, IsotropyLoss};
use serde::Serialize;

/// The scale of a finished run's predictions.
#[derive(Debug, Clone, Serialize)]
pub struct OutputScale {
    /// Its pipeline.
    pub pipeline: String,
    /// Its replicate.
    pub replicate: usize,
    /// The weight of the isotropy term.
    pub lambda: f64,
    /// Whether the loss was left alone and the output is scaled instead.
    pub control: bool,
    /// `sample.epsilon_scale`, which multiplies the output too.
    pub epsilon_scale: f64,
    /// The points of a batch.
    pub batch_size: usize,
    /// `Q = E |eps_theta|^2 / d` over noised training points and all times.
    pub mean_square: f64,
    /// The variance of `|eps_theta|^2 / d` over points and times.
    pub variance: f64,
    /// `s = E |eps_theta|^2 / E <eps_theta, eps>`, measured: 1 at the optimum of the simple loss.
    pub output_scale: f64,
    /// What the loss asks for with batches of endless size, `1 / (1 - 2 lambda' (1 - Q))`; empty for the per-sample form,
    /// whose factor depends on t.
    pub optimal_scale: Option<f64>,
    /// The same with batches of `batch_size` points; see [`isotropy_scale_of_batches`].
    pub optimal_scale_of_batches: Option<f64>,
}

impl FinishedRun {
    /// Measures the scale of its predictions; none where no network predicts.
    ///
    /// # Errors
    /// If the network does not fit the spec.
    pub fn output_scale(&self) -> Result<Option<OutputScale>, RunError> {
        let (plan, replicate) = (self.plan(), self.replicate());
        let (Some(denoiser), true) = (self.denoiser(), plan.pipelines[0].is_trained()) else {
            return Ok(None);
        };
        let points = self.chain().forward(training_points(plan, replicate).view());
        let forward = Purpose::Forward.stream(plan, replicate);
        let moments = prediction_moments(denoiser, points.view(), &plan.schedule, &forward)
            .map_err(|e| StageError::from(e).of(&format!("replicate {replicate}"), "isotropy"))?;
        let IsotropyLoss { lambda, form, reduction, control } = plan.train.isotropy_loss();
        // A control trains with the simple loss.
        let trained = if control { 0.0 } else { lambda };
        let batch_size = plan.train.batch_size.min(points.nrows());
        let optimal = |batch: usize| match form {
            IsotropyForm::Batch => {
                isotropy_scale_of_batches(trained, reduction, points.ncols(), &moments, batch)
            }
            IsotropyForm::PerSample => None,
        };
        Ok(Some(OutputScale {
            pipeline: plan.pipelines[0].name.clone(),
            replicate,
            lambda,
            control,
            epsilon_scale: plan.sample.epsilon_scale,
            batch_size,
            mean_square: moments.mean_square,
            variance: moments.variance,
            output_scale: moments.output_scale(),
            optimal_scale: optimal(usize::MAX),
            optimal_scale_of_batches: optimal(batch_size),
        }))
    }
}
