//! The training stage of a run, with its checkpoints.

use super::checkpoints::Checkpoints;
use super::error::{ExperimentError, StageError};
use super::files;
use super::observer::Stage;
use super::pipeline::{Run, StageOrFile};
use super::records::{LossRow, read_rows};
use super::replicate::Purpose;
use crate::diffusion::forward::mean_square_prediction;
use crate::diffusion::loss::isotropy_scale;
use crate::diffusion::{
    Batch, DiffusionError, MixtureDenoiser, Network, NetworkDenoiser, Reduction, TrainStreams, Trainer,
};
use ndarray::{Array2, ArrayView2};
use std::path::Path;

/// What training leaves.
pub(super) struct Trained {
    /// The network with the factor on its output.
    pub denoiser: NetworkDenoiser,
    /// The part of that factor that a control run adds.
    pub control_scale: Option<f64>,
}

impl Run<'_> {
    /// Trains a network on points `(n, d)` of its own space, or takes that of the plain run; writes the model
    /// and `loss.csv`.
    pub(super) fn train(
        &self,
        points: Array2<f64>,
        exact: Option<&MixtureDenoiser>,
        folder: &Path,
    ) -> Result<Trained, ExperimentError> {
        let plan = self.plan;
        self.observer.stage(&self.label.run, Stage::Train, plan.train.iterations as u64);
        let mut checkpoints = Checkpoints::new(folder, self.checkpoint_every);
        let (network, rows) = match self.trained_already() {
            Some(trained) => trained,
            None => self
                .train_network(points.clone(), exact, &mut checkpoints)
                .map_err(self.failed(Stage::Train))?,
        };
        self.write_table(&folder.join("loss.csv"), &rows)?;
        let bytes = network.to_safetensors().map_err(|e| self.failed(Stage::Train)(e))?;
        files::write(&folder.join("model.safetensors"), |out| out.write_all(&bytes))?;
        checkpoints.clear()?;
        let plain = NetworkDenoiser::new(network, 1.0);
        let scale = plan.control.map(|lambda| self.control_scale(&plain, points.view(), lambda));
        let control_scale = scale.transpose().map_err(self.failed(Stage::Train))?;
        let epsilon_scale = control_scale.unwrap_or(1.0) * plan.sample.epsilon_scale;
        Ok(Trained { denoiser: NetworkDenoiser::new(plain.into_network(), epsilon_scale), control_scale })
    }

    /// The factor that the isotropy loss with this lambda would put on the network's output, from the
    /// measured `Q` of the plain network (I 28 and its derivative).
    fn control_scale(
        &self,
        plain: &NetworkDenoiser,
        points: ArrayView2<f64>,
        lambda: f64,
    ) -> Result<f64, StageError> {
        let noise = Purpose::Forward.stream(self.plan, self.label.replicate);
        let q = mean_square_prediction(plain, points, &self.plan.schedule, &noise)?;
        let scale = isotropy_scale(lambda, self.plan.train.loss.reduction, points.ncols(), q);
        scale.ok_or(StageError::NoScale { q })
    }

    /// Network and losses of the plain run, where this is its control: training again would give the same.
    fn trained_already(&self) -> Option<(Network, Vec<LossRow>)> {
        let folder = self.plain.as_ref()?;
        let bytes = std::fs::read(folder.join("model.safetensors")).ok()?;
        let network = Network::from_safetensors(&bytes, self.device).ok()?;
        Some((network, read_rows(&folder.join("loss.csv")).ok()?))
    }

    /// Trains, from the newest checkpoint on if there is one; returns the network and the logged losses.
    fn train_network(
        &self,
        points: Array2<f64>,
        exact: Option<&MixtureDenoiser>,
        checkpoints: &mut Checkpoints,
    ) -> Result<(Network, Vec<LossRow>), StageOrFile> {
        let (plan, replicate, id) = (self.plan, self.label.replicate, &self.label.run);
        let stream = |purpose: Purpose| purpose.stream(plan, replicate);
        let streams = TrainStreams {
            shuffle: stream(Purpose::Shuffle),
            timestep: stream(Purpose::Timestep),
            noise: stream(Purpose::TrainNoise),
        };
        let parameters = stream(Purpose::Parameters);
        let network =
            Network::new(points.ncols(), plan.schedule.steps(), &plan.network, &parameters, self.device)?;
        let mut trainer = Trainer::new(points, &plan.schedule, network, plan.train, streams)?;
        let restored = checkpoints.restore(|bytes, iteration| {
            trainer.restore(bytes).ok().filter(|()| trainer.iteration() == iteration)
        });
        let mut rows = restored.map_or(Vec::new(), |((), rows)| rows);
        for iteration in trainer.iteration() + 1..=plan.train.iterations {
            if self.interrupt.is_set() || checkpoints.due() {
                checkpoints.save(trainer.iteration(), &trainer.checkpoint()?, &rows)?;
            }
            self.interrupt.check()?;
            let terms = trainer.step()?;
            if iteration == 1 || iteration % plan.log_every == 0 || iteration == plan.train.iterations {
                let optimal = match exact {
                    Some(exact) => Some(optimal_mse(exact, trainer.last_batch(), plan.train.loss.reduction)?),
                    None => None,
                };
                rows.push(LossRow {
                    iteration,
                    loss: terms.loss,
                    mse: terms.mse,
                    isotropy: terms.isotropy,
                    optimal,
                });
                self.observer.progress(id, Stage::Train, iteration as u64, Some(("loss", terms.loss)));
            }
        }
        Ok((trainer.into_network()?, rows))
    }
}

/// The first term of the loss (G 7) that the exact denoiser has on a batch: what no network can beat.
fn optimal_mse(exact: &MixtureDenoiser, batch: &Batch, reduction: Reduction) -> Result<f64, DiffusionError> {
    let rest = &batch.eps - &exact.predict_noise_each(batch.x_t.view(), &batch.t)?;
    let terms = match reduction {
        Reduction::Mean => rest.len(),
        Reduction::Sum => rest.nrows(),
    };
    Ok(rest.iter().map(|v| v * v).sum::<f64>() / terms as f64)
}
