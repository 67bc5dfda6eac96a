//! Training a flow by maximum likelihood.

use super::graph::{GraphLayer, loss, parameter};
use super::spline::numbers;
use super::{Coupling, Dense, FlowMap, FlowOptions, FlowReport};
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::fit::prepare::{check_data, split};
use crate::gaussianize::rotation::whitening::{Whitening, affine};
use crate::numeric::orthogonal::haar;
use crate::numeric::random::Stream;
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;

/// How often the held-out points are looked at.
const LOOKS: usize = 20;

impl FlowMap {
    /// Trains a flow on points `(n, d)`. `progress` is called with the iterations done and those there are.
    ///
    /// # Errors
    /// Data without a whitening, options out of range, or a training whose loss is no number.
    pub fn fit(
        x: ArrayView2<f64>,
        options: &FlowOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(Self, FlowReport), GaussianizeError> {
        check_data(x)?;
        options.check()?;
        let held = (options.held_out * x.nrows() as f64).round() as usize;
        let (train, held) = split(x, held, stream)?;
        let scored = if held.nrows() > 0 { held.view() } else { train.view() };
        let mut map = Self::start(&train, options, stream)?;
        let failed = |e: candle_core::Error| GaussianizeError::Numerical { layer: 0, reason: e.to_string() };
        let white = affine(&map.whiten, &map.mean, train.t()).reversed_axes();
        let graph = map.graph().map_err(failed)?;
        let parameters: Vec<Var> =
            graph.iter().flat_map(|layer| &layer.network).flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
        let adam = ParamsAdamW { lr: options.learning_rate, weight_decay: 0.0, ..ParamsAdamW::default() };
        let mut adam = AdamW::new(parameters, adam).map_err(failed)?;
        let mut batches = Batches::new(&white, options.batch_size, stream.child("batches"));
        // The start is the map of one normal distribution: no flow is taken that is worse on held-out points.
        let mut best = (map.mean_log_density(scored), 0, map.clone());
        for iteration in 1..=options.iterations {
            let share = (iteration - 1) as f64 / options.iterations as f64;
            adam.set_learning_rate(
                0.5 * options.learning_rate * (1.0 + (std::f64::consts::PI * share).cos()),
            );
            let batch = batches.next().map_err(failed)?;
            let value = loss(&graph, &batch, map.bins).map_err(failed)?;
            let gradients = value.backward().map_err(failed)?;
            adam.step(&gradients).map_err(failed)?;
            let looks =
                iteration * LOOKS / options.iterations != (iteration - 1) * LOOKS / options.iterations;
            if looks || iteration == options.iterations {
                map.take(&graph).map_err(failed)?;
                let score = map.mean_log_density(scored);
                if !score.is_finite() {
                    let reason = format!(
                        "the flow's density is no number after {iteration} iterations; lower its learning_rate"
                    );
                    return Err(GaussianizeError::Numerical { layer: 0, reason });
                }
                if score > best.0 || held.nrows() == 0 {
                    best = (score, iteration, map.clone());
                }
                progress(iteration, options.iterations);
            }
        }
        let (held_out_log_likelihood, iterations, map) = best;
        let training_log_likelihood = map.mean_log_density(train.view());
        Ok((map, FlowReport { iterations, held_out_log_likelihood, training_log_likelihood }))
    }

    /// The flow before its training: whitening alone, since networks that answer 0 give the identity.
    fn start(x: &Array2<f64>, options: &FlowOptions, stream: &Stream) -> Result<Self, GaussianizeError> {
        let Whitening { mean, matrix, inverse, log_det } = Whitening::fit(x.t(), 0)?;
        let d = mean.len();
        let kept = d / 2;
        let failed = |reason: String| GaussianizeError::Numerical { layer: 0, reason };
        let layer = |l: usize| -> Result<Coupling, GaussianizeError> {
            let draws = stream.child("flow").child(&l.to_string());
            let rotation = match d {
                1 => Array2::eye(1),
                d => haar(&draws.standard_normal(0, d, d)).map_err(failed)?,
            };
            let mut sizes = vec![kept.max(1)];
            sizes.extend(&options.hidden);
            sizes.push((d - kept) * numbers(options.bins));
            let network = sizes.windows(2).enumerate().map(|(i, pair)| {
                let (inputs, outputs) = (pair[0], pair[1]);
                // He et al. (2015); the last layer answers 0.
                let scale = if i + 2 == sizes.len() { 0.0 } else { (2.0 / inputs as f64).sqrt() };
                let weight = draws.standard_normal(1 + i as u64, outputs, inputs);
                Dense { weight: weight.mapv(|v| f64::from((scale * v) as f32)), bias: Array1::zeros(outputs) }
            });
            Ok(Coupling { rotation, network: network.collect() })
        };
        let layers = (0..options.layers).map(layer).collect::<Result<_, _>>()?;
        Ok(Self { mean, whiten: matrix, colour: inverse, log_det, bins: options.bins, layers })
    }

    fn graph(&self) -> candle_core::Result<Vec<GraphLayer>> {
        let values = |m: &Array2<f64>| m.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let layer = |layer: &Coupling| {
            let dense = |dense: &Dense| {
                let weight = parameter(values(&dense.weight), dense.weight.dim())?;
                Ok((weight, parameter(dense.bias.iter().map(|v| *v as f32).collect(), dense.bias.len())?))
            };
            let network = layer.network.iter().map(dense).collect::<candle_core::Result<_>>()?;
            let rotation = Tensor::from_vec(values(&layer.rotation), layer.rotation.dim(), &Device::Cpu)?;
            Ok(GraphLayer { rotation, network })
        };
        self.layers.iter().map(layer).collect()
    }

    /// Takes the parameters of the graph.
    fn take(&mut self, graph: &[GraphLayer]) -> candle_core::Result<()> {
        for (own, graph) in self.layers.iter_mut().zip(graph) {
            for (dense, (weight, bias)) in own.network.iter_mut().zip(&graph.network) {
                let values = weight.flatten_all()?.to_vec1::<f32>()?;
                dense.weight.iter_mut().zip(values).for_each(|(own, v)| *own = f64::from(v));
                let values = bias.to_vec1::<f32>()?;
                dense.bias.iter_mut().zip(values).for_each(|(own, v)| *own = f64::from(v));
            }
        }
        Ok(())
    }

    fn mean_log_density(&self, x: ArrayView2<f64>) -> f64 {
        let scores = self.log_density(x);
        scores.sum() / scores.len() as f64
    }
}

/// Shuffled batches of points, epoch after epoch.
struct Batches<'a> {
    points: &'a Array2<f64>,
    size: usize,
    stream: Stream,
    order: Vec<usize>,
    at: usize,
    epoch: u64,
}

impl<'a> Batches<'a> {
    fn new(points: &'a Array2<f64>, size: usize, stream: Stream) -> Self {
        Self { size: size.min(points.nrows()), points, stream, order: Vec::new(), at: 0, epoch: 0 }
    }

    fn next(&mut self) -> candle_core::Result<Tensor> {
        if self.at + self.size > self.order.len() {
            self.order = (0..self.points.nrows()).collect();
            self.order.shuffle(&mut self.stream.at(self.epoch));
            (self.at, self.epoch) = (0, self.epoch + 1);
        }
        let rows = &self.order[self.at..self.at + self.size];
        self.at += self.size;
        let values: Vec<f32> = self.points.select(Axis(0), rows).iter().map(|v| *v as f32).collect();
        Tensor::from_vec(values, (rows.len(), self.points.ncols()), &Device::Cpu)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flow(d: usize, layers: usize) -> (FlowMap, Array2<f64>) {
        let stream = Stream::new(5, 0, "flow test");
        let x = stream.standard_normal(9, 300, d).mapv(|v| v + 0.3 * v * v);
        let options = FlowOptions { layers, hidden: vec![8], bins: 4, ..FlowOptions::default() };
        let mut map = FlowMap::start(&x, &options, &stream).unwrap();
        for (l, layer) in map.layers.iter_mut().enumerate() {
            for (i, dense) in layer.network.iter_mut().enumerate() {
                let (rows, columns) = dense.weight.dim();
                let draw = stream.child("w").standard_normal((10 * l + i) as u64, rows, columns);
                dense.weight = draw.mapv(|v| f64::from((0.25 * v) as f32));
                dense.bias = stream
                    .child("b")
                    .standard_normal((10 * l + i) as u64, 1, rows)
                    .row(0)
                    .mapv(|v| f64::from(v as f32));
            }
        }
        (map, x)
    }

    #[test]
    fn the_graph_has_the_density_of_the_map() {
        for d in [1, 2, 5] {
            let (map, x) = flow(d, 3);
            let white = affine(&map.whiten, &map.mean, x.t()).reversed_axes();
            let batch: Vec<f32> = white.iter().map(|v| *v as f32).collect();
            let batch = Tensor::from_vec(batch, white.dim(), &Device::Cpu).unwrap();
            let there = loss(&map.graph().unwrap(), &batch, map.bins).unwrap().to_scalar::<f32>().unwrap();
            let here = map.log_det - map.mean_log_density(x.view());
            assert!((f64::from(there) - here).abs() < 1e-4 * here.abs().max(1.0), "{d}: {there} {here}");
        }
    }

    #[test]
    fn the_graphs_gradients_are_those_of_finite_differences() {
        let (map, x) = flow(3, 2);
        let white = affine(&map.whiten, &map.mean, x.t()).reversed_axes();
        let batch: Vec<f32> = white.iter().map(|v| *v as f32).collect();
        let batch = Tensor::from_vec(batch, white.dim(), &Device::Cpu).unwrap();
        let graph = map.graph().unwrap();
        let gradients = loss(&graph, &batch, map.bins).unwrap().backward().unwrap();
        // The loss of the map itself, in f64, with one parameter moved.
        let moved = |l: usize, i: usize, at: (usize, usize), by: f64| {
            let mut map = map.clone();
            map.layers[l].network[i].weight[at] += by;
            map.log_det - map.mean_log_density(x.view())
        };
        for (l, i, at) in [(0, 0, (0, 0)), (0, 1, (3, 2)), (1, 0, (5, 0)), (1, 1, (10, 7)), (1, 1, (20, 1))] {
            let step = 1e-5;
            let numeric = (moved(l, i, at, step) - moved(l, i, at, -step)) / (2.0 * step);
            let own = gradients.get(graph[l].network[i].0.as_tensor()).unwrap().to_vec2::<f32>().unwrap()
                [at.0][at.1];
            assert!(
                (f64::from(own) - numeric).abs() < 1e-3 * numeric.abs().max(0.1),
                "{l} {i} {at:?}: {own} {numeric}"
            );
        }
    }

    #[test]
    fn a_map_is_inverted_and_its_determinant_is_that_of_its_derivatives() {
        for d in [1, 2, 5] {
            let (map, x) = flow(d, 3);
            let (z, log_det) = map.forward_with_log_det(x.view());
            let back = map.inverse(z.view());
            assert!((&back - &x).iter().all(|e| e.abs() < 1e-8), "{d}: does not come back");
            for i in [0, 7, 100] {
                let mut jacobian = Array2::zeros((d, d));
                let step = 1e-6;
                for j in 0..d {
                    let shifted = |by: f64| {
                        let mut point = x.slice(ndarray::s![i..=i, ..]).to_owned();
                        point[[0, j]] += by;
                        map.forward_with_log_det(point.view()).0
                    };
                    let column = (shifted(step) - shifted(-step)) / (2.0 * step);
                    jacobian.column_mut(j).assign(&column.row(0));
                }
                use ndarray_linalg::Determinant;
                let (_, numeric) = jacobian.sln_det().unwrap();
                assert!((numeric - log_det[i]).abs() < 1e-4, "{d} {i}: {numeric} {}", log_det[i]);
            }
        }
    }

    #[test]
    fn training_finds_a_bend_and_is_the_same_again() {
        let stream = Stream::new(5, 0, "flow test");
        let mut x = stream.standard_normal(1, 2000, 2);
        let bend = x.column(0).mapv(|v| v * v);
        x.column_mut(1).zip_mut_with(&bend, |v, b| *v = 0.3 * *v + b);
        let options = FlowOptions { layers: 3, hidden: vec![32], iterations: 300, ..FlowOptions::default() };
        let fit = || FlowMap::fit(x.view(), &options, &stream, &mut |_, _| ()).unwrap();
        let (map, report) = fit();
        // The truth: -log(2 pi e) - log 0.3; one normal distribution with these covariances has -3.2.
        let truth = -2.0 * 0.5 * (2.0 * std::f64::consts::PI * std::f64::consts::E).ln() - 0.3_f64.ln();
        assert!(report.held_out_log_likelihood > truth - 0.25, "{report:?}, truth {truth}");
        assert_eq!(fit().0, map);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| fit().0), map, "another number of threads");
    }
}
