//! Bits/dim of images under a run, finished or while its network trains: its variational bound.

use super::finished_run::FinishedRun;
use super::replicate::Purpose;
use crate::diffusion::likelihood::bits_per_dim::{BitsPerDim, BoundModel, RoundedPoints, bits_per_dim};
use crate::diffusion::{DataBox, Denoiser, DiffusionError};
use crate::space::Chain;
use crate::spec::Plan;
use ndarray::{ArrayView2, Zip};

/// Half of the distance between two values of a byte, which stand for -1 to 1.
const HALF_BIN: f64 = 1.0 / 255.0;

/// How far a value may lie from that of a byte, in units of their distance.
const ROUNDING: f64 = 1e-3;

impl FinishedRun {
    /// The bound at images `(n, d)` of data space, whose values are those of bytes from -1 to 1; all steps of the schedule
    /// are taken, with the run's variance, clipping and `epsilon_scale`.
    ///
    /// # Errors
    /// If the data of the run are no images, its space mixes pixels, nothing is denoised in all steps from noise on, a value
    /// is no byte's, or the denoiser fails.
    pub fn bits_per_dim(
        &self,
        images: ArrayView2<f64>,
        check: &mut dyn FnMut(usize) -> Result<(), DiffusionError>,
    ) -> Result<Vec<BitsPerDim>, DiffusionError> {
        let (Some(denoiser), None) = (self.denoiser(), self.late()) else {
            return refuse(
                "bits/dim are those of a reverse process from noise on, which this run does not have",
            );
        };
        let (plan, replicate, chain, bounds) = (self.plan(), self.replicate(), self.chain(), self.bounds());
        ImageModel { plan, replicate, chain, denoiser, bounds }.bits_per_dim(images, check)
    }
}

fn refuse<T>(reason: &str) -> Result<T, DiffusionError> {
    Err(DiffusionError::Option(reason.to_string()))
}

/// What the bound of images under a run is made of.
pub(super) struct ImageModel<'a> {
    /// Its schedule and the variance of its reverse steps.
    pub plan: &'a Plan,
    pub replicate: usize,
    /// The space.
    pub chain: &'a Chain,
    /// What predicts the noise there.
    pub denoiser: &'a dyn Denoiser,
    /// The box to which the predicted x0 is clipped; none where it is not.
    pub bounds: Option<&'a DataBox>,
}

impl ImageModel<'_> {
    /// The bound at images `(n, d)` of data space, whose values are those of bytes from -1 to 1, in all steps of the schedule.
    ///
    /// # Errors
    /// If the data are no images, the space mixes pixels, a value is no byte's, the denoiser fails, or `check` says so.
    pub fn bits_per_dim<E: From<DiffusionError>>(
        &self,
        images: ArrayView2<f64>,
        check: &mut dyn FnMut(usize) -> Result<(), E>,
    ) -> Result<Vec<BitsPerDim>, E> {
        let Self { plan, replicate, chain, denoiser, bounds } = *self;
        let points = rounded(plan, chain, images)?;
        let model = BoundModel { denoiser, schedule: &plan.schedule, variance: plan.sample.variance, bounds };
        bits_per_dim(model, &points, &Purpose::Bound.stream(plan, replicate), check)
    }
}

/// Images `(n, d)` and the bins of their bytes in the space.
fn rounded(plan: &Plan, chain: &Chain, images: ArrayView2<f64>) -> Result<RoundedPoints, DiffusionError> {
    if plan.data.source.image_shape().is_none() {
        return refuse("bits/dim are those of images of bytes, and the data of this run are none");
    }
    if !chain.keeps_bins() {
        return refuse(
            "its space mixes or bends pixels, so the bins of a byte are no intervals there, and bits/dim are not known",
        );
    }
    let level = images.mapv(|v| 127.5 * (v + 1.0));
    if let Some(value) =
        level.iter().find(|v| !((*v - v.round()).abs() < ROUNDING && (-0.5..=255.5).contains(*v)))
    {
        return Err(DiffusionError::Option(format!(
            "bits/dim are those of bytes, but a pixel has the value {value} between 0 and 255"
        )));
    }
    let x = chain.forward(images);
    let mut lower = chain.forward(images.mapv(|v| v - HALF_BIN).view());
    let mut upper = chain.forward(images.mapv(|v| v + HALF_BIN).view());
    Zip::from(&mut lower).and(&mut upper).and(&level).for_each(|lower, upper, level| {
        if *level < 0.5 {
            *lower = f64::NEG_INFINITY;
        }
        if *level > 254.5 {
            *upper = f64::INFINITY;
        }
    });
    Ok(RoundedPoints { x, lower, upper })
}
