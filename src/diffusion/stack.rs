//! Several trainings in step, and several networks asked at once: what a GPU is good for, which a single small
//! network leaves idle.
//!
//! On the host every training keeps its own fused path, so each gets the very bits that it gets alone. On
//! other devices all of them are one tensor program with a first axis for the models; there they get what
//! they get alone up to rounding.

use super::{
    Batch, Denoiser, DiffusionError, LossTerms, Network, NetworkDenoiser, TrainOptions, Trainer,
    inference::stack_tensor, network::Graph, parameters::Parameters, reference::GraphTraining,
};
use candle_core::{DType, Tensor};
use ndarray::{Array2, ArrayView2, Axis};
use rayon::prelude::*;

/// Trainings that take their iterations together.
#[derive(Debug)]
pub struct TrainerStack {
    trainers: Vec<Trainer>,
    /// Where they are one tensor program: they have its numbers only after [`TrainerStack::share`].
    together: Option<GraphTraining>,
}

impl TrainerStack {
    /// Trainings that have done as many iterations as each other. One training, and trainings on the host, stay
    /// what they are.
    ///
    /// # Errors
    /// If their iterations differ; or, where they become one program, shapes or options that must not differ.
    pub fn new(trainers: Vec<Trainer>) -> Result<Self, DiffusionError> {
        let fused = trainers.iter().all(Trainer::is_fused);
        if trainers.len() < 2 || fused { Self::apart(trainers) } else { Self::together(trainers) }
    }

    fn apart(trainers: Vec<Trainer>) -> Result<Self, DiffusionError> {
        let iteration = trainers.first().map_or(0, Trainer::iteration);
        DiffusionError::unless(trainers.iter().all(|t| t.iteration() == iteration), || {
            "trainings that have done different numbers of iterations cannot go on together".into()
        })?;
        Ok(Self { trainers, together: None })
    }

    /// As [`new`](Self::new), but always as one program of the candle graph, on every device.
    ///
    /// # Errors
    /// If iterations, shapes or options differ that must not: all but learning rate and lambda.
    pub fn together(trainers: Vec<Trainer>) -> Result<Self, DiffusionError> {
        let stack = Self::apart(trainers)?;
        let sizes = stack.trainers.first().map(Trainer::batch_sizes);
        DiffusionError::unless(stack.trainers.iter().all(|t| Some(t.batch_sizes()) == sizes), || {
            "trainings with different numbers of points cannot go side by side".into()
        })?;
        let networks = stack.trainers.iter().map(Trainer::network).collect::<Result<Vec<&Network>, _>>()?;
        let options: Vec<TrainOptions> = stack.trainers.iter().map(|t| *t.options()).collect();
        let states = stack.trainers.iter().map(Trainer::state).collect::<Result<Vec<_>, _>>()?;
        let mut together = GraphTraining::new(&networks, &options, stack.trainers[0].total_iterations())?;
        together.restore(&states)?;
        Ok(Self { together: Some(together), ..stack })
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.trainers.first().map_or(0, Trainer::iteration)
    }

    /// The trainings. Their parameters are those of the time when [`share`](Self::share) was called.
    pub fn trainers(&self) -> &[Trainer] {
        &self.trainers
    }

    /// One iteration of each training: its loss, or why it failed. One that failed before fails again; the
    /// others do not feel it.
    ///
    /// # Errors
    /// If the device fails: then none has done it.
    pub fn step(&mut self) -> Result<Vec<Result<LossTerms, DiffusionError>>, DiffusionError> {
        let Some(together) = &mut self.together else {
            return Ok(self.trainers.par_iter_mut().map(Trainer::step).collect());
        };
        let iteration = self.trainers.first().map_or(0, Trainer::iteration);
        let batches: Vec<Batch> = self.trainers.par_iter_mut().map(Trainer::next_batch).collect();
        let terms = together.step(&batches.iter().collect::<Vec<_>>(), iteration)?;
        self.trainers.iter_mut().zip(batches).for_each(|(trainer, batch)| trainer.took(batch));
        Ok(terms)
    }

    /// Gives the trainings their newest parameters, for checkpoints and at the end.
    ///
    /// # Errors
    /// If the device fails.
    pub fn share(&mut self) -> Result<(), DiffusionError> {
        if let Some(together) = &self.together {
            for (index, trainer) in self.trainers.iter_mut().enumerate() {
                trainer.set_state(together.state(index)?)?;
            }
        }
        Ok(())
    }

    /// The trainings, with their newest parameters.
    ///
    /// # Errors
    /// If the device fails.
    pub fn into_trainers(mut self) -> Result<Vec<Trainer>, DiffusionError> {
        self.share()?;
        Ok(self.trainers)
    }
}

/// Several denoisers as one, for points that lie one model's after the other's: the first `n / models` rows
/// belong to the first model, and so on.
#[derive(Debug)]
pub struct DenoiserStack<'a> {
    denoisers: Vec<&'a NetworkDenoiser>,
    together: Option<(Parameters, Graph)>,
}

impl<'a> DenoiserStack<'a> {
    /// These denoisers side by side; one program where they are not on the host.
    ///
    /// # Errors
    /// If they become one program and differ in shape.
    pub fn new(denoisers: Vec<&'a NetworkDenoiser>) -> Result<Self, DiffusionError> {
        let apart = denoisers.len() < 2 || denoisers.iter().all(|d| d.is_fused());
        if apart { Ok(Self { denoisers, together: None }) } else { Self::together(denoisers) }
    }

    /// As [`new`](Self::new), but always as one program of the candle graph, on every device.
    ///
    /// # Errors
    /// If their shapes differ.
    pub fn together(denoisers: Vec<&'a NetworkDenoiser>) -> Result<Self, DiffusionError> {
        let networks: Vec<&Network> = denoisers.iter().map(|d| d.network()).collect();
        let (parameters, graph) = Network::stack(&networks)?;
        Ok(Self { denoisers, together: Some((parameters, graph.detach())) })
    }
}

impl Denoiser for DenoiserStack<'_> {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        let (models, rows) = (self.denoisers.len(), x.nrows());
        DiffusionError::unless(models > 0 && rows.is_multiple_of(models.max(1)), || {
            format!("{rows} points cannot be shared among {models} models")
        })?;
        let n = rows / models;
        let parts = || x.axis_chunks_iter(Axis(0), n.max(1));
        let Some((parameters, graph)) = &self.together else {
            let parts: Vec<_> = parts().zip(&self.denoisers).collect();
            let predicted = parts.into_par_iter().map(|(x, denoiser)| denoiser.predict_noise(x, t));
            let predicted = predicted.collect::<Result<Vec<_>, _>>()?;
            let views: Vec<_> = predicted.iter().map(|p| p.view()).collect();
            return ndarray::concatenate(Axis(0), &views).map_err(|e| DiffusionError::Option(e.to_string()));
        };
        let network = self.denoisers[0].network();
        network.check(x.ncols(), t)?;
        let x = stack_tensor(parts(), parameters.dtype(), parameters.device())?;
        let eps = graph.forward(&x, &Tensor::from_vec(vec![(t - 1) as u32], 1, parameters.device())?)?;
        let eps = eps.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?;
        let mut eps = Array2::from_shape_vec((rows, network.dim()), eps)
            .map_err(|e| DiffusionError::Option(e.to_string()))?;
        for (mut part, denoiser) in eps.axis_chunks_iter_mut(Axis(0), n.max(1)).zip(&self.denoisers) {
            part *= denoiser.epsilon_scale();
        }
        Ok(eps)
    }
}
