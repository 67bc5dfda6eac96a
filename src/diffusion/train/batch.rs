//! Which points, steps and noise a batch holds: a pure function of the streams and its number.

use crate::diffusion::{DiffusionError, Schedule, network::unet::dropout::DropoutStream};
use crate::numeric::random::Stream;
use ndarray::{Array2, Axis, concatenate};
use rand::{RngExt, seq::SliceRandom};

/// Where the choices of a training come from. They depend on neither the network nor the loss, so two
/// trainings that differ in those see the same batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrainStreams {
    /// Order of the points in each epoch.
    pub shuffle: Stream,
    /// Steps `t`.
    pub timestep: Stream,
    /// Noise eps.
    pub noise: Stream,
}

/// One mini-batch: `x_t = sqrt(abar_t) x0 + sqrt(1 - abar_t) eps` (G 3, I 4).
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// Noisy points, `(n, d)`.
    pub x_t: Array2<f64>,
    /// Step of each point, in `1..=T`.
    pub t: Vec<usize>,
    /// The noise in each point, `(n, d)`.
    pub eps: Array2<f64>,
    /// By which a network with dropout leaves values out; none of one that is to keep all.
    pub dropout: Option<DropoutStream>,
}

impl Batch {
    /// A batch of no points of `dim` dimensions.
    pub(super) fn empty(dim: usize) -> Self {
        Self { x_t: Array2::zeros((0, dim)), t: Vec::new(), eps: Array2::zeros((0, dim)), dropout: None }
    }

    /// The points of these batches, of which there is one at least, in one, whose dropout is that of the first.
    pub(super) fn joined(mut batches: Vec<Self>) -> Self {
        if batches.len() == 1 {
            return batches.remove(0);
        }
        let rows = |of: fn(&Self) -> &Array2<f64>| {
            let views: Vec<_> = batches.iter().map(|batch| of(batch).view()).collect();
            concatenate(Axis(0), &views).expect("the batches of a training have one dimension")
        };
        let steps = |batch: &Self| match batch.t[..] {
            [t] => vec![t; batch.x_t.nrows()],
            _ => batch.t.clone(),
        };
        Self {
            x_t: rows(|batch| &batch.x_t),
            t: batches.iter().flat_map(steps).collect(),
            eps: rows(|batch| &batch.eps),
            dropout: batches[0].dropout,
        }
    }

    /// Refuses a batch that does not fit a network of `dim` dimensions and `steps` steps. It may have one `t`
    /// for all points.
    pub(super) fn check(&self, dim: usize, steps: usize) -> Result<(), DiffusionError> {
        let ((n, d), shape) = (self.x_t.dim(), self.eps.dim());
        if d != dim {
            return Err(DiffusionError::Dimension { expected: dim, found: d });
        }
        DiffusionError::unless(shape == (n, d) && [n, 1].contains(&self.t.len()), || {
            format!("a batch of {n} points of {d} dimensions has {} steps and noise {shape:?}", self.t.len())
        })?;
        match self.t.iter().find(|t| !(1..=steps).contains(*t)) {
            Some(&t) => Err(DiffusionError::Step { t, steps }),
            None => Ok(()),
        }
    }
}

/// Draws the batches of a training: without replacement within an epoch, whose last batch is smaller if
/// `n` is no multiple of the batch size.
#[derive(Clone, Debug)]
pub struct Batches {
    /// Point after point.
    data: Vec<f64>,
    dim: usize,
    /// `sqrt(abar_t)` and `sqrt(1 - abar_t)` of the steps from 1 on.
    factors: Vec<(f64, f64)>,
    streams: TrainStreams,
    size: usize,
    /// The order of the points in one epoch, remembered while it lasts.
    order: Option<(usize, Vec<usize>)>,
}

impl Batches {
    /// Batches of `size` of the points `data` `(n, d)`; all of them if there are fewer.
    ///
    /// # Errors
    /// If there is no point, a point is not finite, or `size` is 0.
    pub fn new(
        data: Array2<f64>,
        schedule: &Schedule,
        size: usize,
        streams: TrainStreams,
    ) -> Result<Self, DiffusionError> {
        DiffusionError::unless(!data.is_empty(), || "there are no points to train on".into())?;
        DiffusionError::unless(data.iter().all(|v| v.is_finite()), || {
            "a training point is infinite or NaN".into()
        })?;
        DiffusionError::unless(size > 0, || "batch_size is 0, but it must be positive".into())?;
        let size = size.min(data.nrows());
        let factors = (1..=schedule.steps()).map(|t| schedule.alpha_bar(t));
        let factors = factors.map(|abar| (abar.sqrt(), (1.0 - abar).sqrt())).collect();
        let (dim, data) = (data.ncols(), data.into_iter().collect());
        Ok(Self { data, dim, factors, streams, size, order: None })
    }

    /// Dimension of the points.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Number of points.
    pub fn points(&self) -> usize {
        self.data.len() / self.dim
    }

    /// Points in a batch, but for the last of an epoch.
    pub fn size(&self) -> usize {
        self.size
    }

    /// Points in a batch, and in the last of an epoch.
    pub fn sizes(&self) -> (usize, usize) {
        (self.size, self.points() - (self.per_epoch() - 1) * self.size)
    }

    /// Batches in one epoch, `ceil(n / size)`.
    pub fn per_epoch(&self) -> usize {
        self.points().div_ceil(self.size)
    }

    /// Batch number `i`, counting from 0.
    pub fn get(&mut self, i: usize) -> Batch {
        let (epoch, index) = (i / self.per_epoch(), i % self.per_epoch());
        let (n, d) = (self.points(), self.dim);
        if self.order.as_ref().is_none_or(|(e, _)| *e != epoch) {
            let mut order: Vec<usize> = (0..n).collect();
            order.shuffle(&mut self.streams.shuffle.at(epoch as u64));
            self.order = Some((epoch, order));
        }
        let (_, order) = self.order.as_ref().expect("the order of this epoch was made above");
        let chosen = &order[index * self.size..n.min((index + 1) * self.size)];
        let mut rng = self.streams.timestep.at(i as u64);
        let t: Vec<usize> = chosen.iter().map(|_| rng.random_range(1..=self.factors.len())).collect();
        let eps = self.streams.noise.standard_normal(i as u64, chosen.len(), d);
        // A loop over rows, because ndarray's `select` takes as long as a layer's matrix product.
        let mut x_t = eps.clone();
        let rows = x_t.as_slice_mut().expect("fresh noise lies row after row").chunks_exact_mut(d);
        for ((x, &from), &t) in rows.zip(chosen).zip(&t) {
            let ((signal, sigma), x0) = (self.factors[t - 1], &self.data[from * d..][..d]);
            match (x, x0) {
                // The compiler unrolls a row of known length; a loop over two values costs more than the sum.
                ([x, y], [x0, y0]) => (*x, *y) = (signal * x0 + sigma * *x, signal * y0 + sigma * *y),
                (x, x0) => x.iter_mut().zip(x0).for_each(|(x, x0)| *x = signal * x0 + sigma * *x),
            }
        }
        let dropout = DropoutStream { stream: self.streams.noise.child("dropout"), iteration: i };
        Batch { x_t, t, eps, dropout: Some(dropout) }
    }
}
