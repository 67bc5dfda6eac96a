//! One training iteration of a U-Net, from batch to updated parameters.

use super::images::{Images, Mask, Shared, Work};
use super::plan::{Plan, images_together};
use crate::diffusion::fused::{HostTraining, loss::Loss, optimization::Optimization};
use crate::diffusion::{
    Batch, DiffusionError, LossTerms, Network, TrainOptions,
    network::unet::dropout::Dropout,
    train::{
        VariationalBound,
        backend::{State, Turn},
    },
};
use candle_core::{Device, Tensor};
use rayon::prelude::*;
use std::sync::{Mutex, PoisonError};

/// Groups of a batch that go back side by side, if their gradients do not take too much memory.
const GROUPS: usize = 8;

/// Gradients of all groups together, beyond which a batch has fewer groups.
const GRADIENTS: usize = 64_000_000;

/// Parameters whose gradients one task adds up.
const STRETCH: usize = 1 << 12;

/// Parameters, moments, average and buffers of a training.
#[derive(Debug)]
pub(in crate::diffusion::fused) struct UnetTraining {
    plan: Plan,
    /// By which the variance is learned; none where it is not.
    bound: Option<VariationalBound>,
    optimization: Optimization,
    transposed: Vec<f32>,
    groups: Vec<Group>,
    spare: Spare,
    /// Images of a full group.
    group_size: usize,
}

/// Some images of a batch, a few at a time, whose gradients are added one after the other.
#[derive(Debug)]
struct Group {
    /// The first `used` of them hold images of the newest batch; the last batch of an epoch has fewer.
    parts: Vec<Images>,
    used: usize,
    /// The gradient of all parameters.
    gradient: Vec<f32>,
}

/// Buffers that no group uses at the moment: as many as there were threads at work.
#[derive(Debug, Default)]
struct Spare(Mutex<Vec<Work>>);

impl Spare {
    /// Does something with buffers that are spare, or new ones.
    fn with(&self, plan: &Plan, work: impl FnOnce(&mut Work)) {
        let spare = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = spare().pop();
        let mut own = found.unwrap_or_else(|| Work::for_training(plan));
        work(&mut own);
        spare().push(own);
    }
}

impl UnetTraining {
    /// A training of a network that computes in `f32` on the host.
    ///
    /// # Errors
    /// If the parameters cannot be read.
    pub fn new(
        network: &Network,
        options: TrainOptions,
        bound: Option<&VariationalBound>,
        (iterations, batch_size): (usize, usize),
    ) -> Result<Self, DiffusionError> {
        let most = (GRADIENTS / network.parameter_count().max(1)).clamp(2, GROUPS);
        let group_size = batch_size.div_ceil(most).max(1);
        let plan = Plan::new(network.layout(), group_size.min(images_together(network.options())));
        let parameters = network.parameters().flat()?.to_vec1::<f32>()?;
        let mut training = Self {
            transposed: vec![0.0; plan.transposed_count()],
            groups: Vec::new(),
            spare: Spare::default(),
            group_size,
            plan,
            bound: bound.cloned(),
            optimization: Optimization::new(parameters, options, iterations),
        };
        training.refresh_transposed();
        Ok(training)
    }

    fn refresh_transposed(&mut self) {
        self.plan.transpose(&self.optimization.parameters, &mut self.transposed);
    }

    /// Makes groups and parts for `n` images, and returns how many groups those need.
    fn make_room(&mut self, n: usize) -> usize {
        let used = n.div_ceil(self.group_size);
        while self.groups.len() < used {
            self.groups.push(Group { parts: Vec::new(), used: 0, gradient: vec![0.0; self.plan.count] });
        }
        for (i, group) in self.groups[..used].iter_mut().enumerate() {
            let images = self.group_size.min(n - i * self.group_size);
            group.used = images.div_ceil(self.plan.images);
            while group.parts.len() < group.used {
                group.parts.push(Images::for_training(&self.plan));
            }
        }
        used
    }
}

impl HostTraining for UnetTraining {
    fn step(&mut self, batch: &Batch, turn: Turn) -> Result<LossTerms, DiffusionError> {
        let (n, d) = batch.x_t.dim();
        let used = self.make_room(n);
        let Self { plan, bound, optimization, transposed, groups, group_size, spare, .. } = self;
        let groups = &mut groups[..used];
        let points = batch.x_t.as_standard_layout();
        let points = points.as_slice().expect("the standard layout is row after row");
        let step = |row: usize| (batch.t[if batch.t.len() == 1 { 0 } else { row }] - 1) as u32;
        let dropout = batch.dropout.map(|stream| Dropout::new(stream, plan.program.dropout));
        let dropout = dropout.filter(|_| plan.program.dropout > 0.0);
        let shared =
            Shared { arch: optimization.arch, plan, parameters: &optimization.parameters, transposed };
        let forward = |g: usize, group: &mut Group, work: &mut Work| {
            for (p, part) in group.parts[..group.used].iter_mut().enumerate() {
                let start = g * *group_size + p * plan.images;
                let end = (start + plan.images).min((g + 1) * *group_size).min(n);
                let draw = |node: usize, image: usize, factors: &mut [f32]| {
                    let dropout = dropout.as_ref().expect("masks are drawn where there is dropout");
                    dropout.factors(start + image, node, factors);
                };
                let mask = dropout.is_some().then_some(&draw as Mask);
                part.forward(shared, &points[start * d..end * d], (start..end).map(step), mask, work);
            }
        };
        let all = groups.par_iter_mut().enumerate();
        all.for_each(|(g, group)| spare.with(plan, |work| forward(g, group, work)));
        let loss = Loss { isotropy: &optimization.options.isotropy_loss(), bound: bound.as_ref() };
        let parts = groups.iter_mut().flat_map(|group| group.parts[..group.used].iter_mut());
        let mut parts: Vec<&mut Images> = parts.collect();
        let terms = loss.evaluate(&mut parts, batch.eps.view());
        if !(terms.loss as f32).is_finite() {
            return Err(DiffusionError::Diverged { iteration: turn.iteration, loss: terms.loss });
        }
        groups.par_iter_mut().for_each(|Group { parts, used, gradient }| {
            gradient.fill(0.0);
            spare.with(plan, |work| {
                let parts = parts[..*used].iter_mut();
                parts.for_each(|part| part.backward(shared, dropout.is_some(), work, gradient));
            });
        });
        optimization.gradient.par_chunks_mut(STRETCH).enumerate().for_each(|(stretch, sum)| {
            let first = stretch * STRETCH;
            sum.fill(0.0);
            for group in &*groups {
                sum.iter_mut().zip(&group.gradient[first..]).for_each(|(sum, v)| *sum += v);
            }
        });
        if optimization.take_in(turn, true) {
            self.refresh_transposed();
        }
        Ok(terms)
    }

    fn state(&self) -> Result<State, DiffusionError> {
        self.optimization.state(|values| Ok(Tensor::from_slice(values, values.len(), &Device::Cpu)?))
    }

    fn restore(&mut self, state: &State) -> Result<(), DiffusionError> {
        self.optimization.restore(state, |tensor| Ok(tensor.to_vec1::<f32>()?))?;
        self.refresh_transposed();
        Ok(())
    }
}
