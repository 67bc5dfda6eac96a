//! Training a flow by maximum likelihood.

use super::graph::{GraphLayer, loss, parameter};
use super::spline::numbers;
use super::{Coupling, Dense, Flow, FlowOptions};
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::layer::Layer;
use crate::gaussianize::map::Gaussianizer;
use crate::gaussianize::rotation::whitening::{Whitening, affine};
use crate::numeric::orthogonal::haar;
use crate::numeric::random::Stream;
use candle_core::{Device, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use ndarray::{Array1, Array2, ArrayView2, Axis};
use rand::seq::SliceRandom;

/// How often the held-out points are looked at.
const LOOKS: usize = 20;

impl Layer {
    /// Trains a flow on points `train` `(n, d)`; points `held` `(m, d)`, if there are any, choose among the parameters along
    /// the way. Returns the layer, the iterations after which its parameters were taken, and the mean log-density of the held
    /// points, of the training points without them. `progress` is called with the iterations done and those there are.
    ///
    /// # Errors
    /// Data without a whitening, or a training whose loss is no number.
    pub(in crate::gaussianize) fn trained(
        train: &Array2<f64>,
        held: &Array2<f64>,
        options: &FlowOptions,
        stream: &Stream,
        progress: &mut dyn FnMut(usize, usize),
    ) -> Result<(Self, usize, f64), GaussianizeError> {
        let scored = if held.nrows() > 0 { held.view() } else { train.view() };
        let failed = |e: candle_core::Error| GaussianizeError::Numerical { layer: 0, reason: e.to_string() };
        let whitening = Whitening::fit(train.t(), 0)?;
        let white = affine(&whitening.matrix, &whitening.mean, train.t()).reversed_axes();
        let mut flow = Flow::start(train.ncols(), options, stream)?;
        let graph = flow.graph().map_err(failed)?;
        let parameters: Vec<Var> =
            graph.iter().flat_map(|layer| &layer.network).flat_map(|(w, b)| [w.clone(), b.clone()]).collect();
        let adam = ParamsAdamW { lr: options.learning_rate, weight_decay: 0.0, ..ParamsAdamW::default() };
        let mut adam = AdamW::new(parameters, adam).map_err(failed)?;
        let mut batches = Batches::new(&white, options.batch_size, stream.child("batches"));
        let layer = |flow: &Flow| layer_of(&whitening, flow.clone());
        // The start is the map of one normal distribution: no flow is taken that is worse on held-out points.
        let start = layer(&flow)?;
        let mut best = (mean_log_density(&start, scored)?, 0, start);
        for iteration in 1..=options.iterations {
            let share = (iteration - 1) as f64 / options.iterations as f64;
            adam.set_learning_rate(
                0.5 * options.learning_rate * (1.0 + (std::f64::consts::PI * share).cos()),
            );
            let batch = batches.next().map_err(failed)?;
            let value = loss(&graph, &batch, flow.bins).map_err(failed)?;
            let gradients = value.backward().map_err(failed)?;
            adam.step(&gradients).map_err(failed)?;
            if iteration * LOOKS / options.iterations == (iteration - 1) * LOOKS / options.iterations {
                continue;
            }
            flow.take(&graph).map_err(failed)?;
            let now = layer(&flow)?;
            let score = mean_log_density(&now, scored)?;
            if !score.is_finite() {
                let reason = format!(
                    "the flow's density is no number after {iteration} iterations; lower `flow.learning_rate`"
                );
                return Err(GaussianizeError::Numerical { layer: 0, reason });
            }
            if score > best.0 || held.nrows() == 0 {
                best = (score, iteration, now);
            }
            progress(iteration, options.iterations);
        }
        let (score, taken, layer) = best;
        Ok((layer, taken, score))
    }
}

fn layer_of(whitening: &Whitening, flow: Flow) -> Result<Layer, GaussianizeError> {
    let Whitening { mean, matrix, inverse, log_det } = whitening.clone();
    let marginals = (0..mean.len()).map(|_| None).collect();
    Layer::new(mean, matrix, inverse, log_det, marginals)?.with_joint(flow)
}

fn mean_log_density(layer: &Layer, x: ArrayView2<f64>) -> Result<f64, GaussianizeError> {
    let scores = Gaussianizer::from_layers(vec![layer.clone()])?.log_density(x);
    Ok(scores.sum() / scores.len() as f64)
}

impl Flow {
    /// The flow before its training: the identity, since networks that answer 0 give that.
    fn start(d: usize, options: &FlowOptions, stream: &Stream) -> Result<Self, GaussianizeError> {
        let kept = d / 2;
        let failed = |reason: String| GaussianizeError::Numerical { layer: 0, reason };
        let coupling = |l: usize| -> Result<Coupling, GaussianizeError> {
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
        let couplings = (0..options.layers).map(coupling).collect::<Result<_, _>>()?;
        Ok(Self { dim: d, bins: options.bins, couplings })
    }

    fn graph(&self) -> candle_core::Result<Vec<GraphLayer>> {
        let values = |m: &Array2<f64>| m.iter().map(|v| *v as f32).collect::<Vec<f32>>();
        let layer = |coupling: &Coupling| {
            let dense = |dense: &Dense| {
                let weight = parameter(values(&dense.weight), dense.weight.dim())?;
                Ok((weight, parameter(dense.bias.iter().map(|v| *v as f32).collect(), dense.bias.len())?))
            };
            let network = coupling.network.iter().map(dense).collect::<candle_core::Result<_>>()?;
            let rotation =
                Tensor::from_vec(values(&coupling.rotation), coupling.rotation.dim(), &Device::Cpu)?;
            Ok(GraphLayer { rotation, network })
        };
        self.couplings.iter().map(layer).collect()
    }

    /// Takes the parameters of the graph.
    fn take(&mut self, graph: &[GraphLayer]) -> candle_core::Result<()> {
        for (own, graph) in self.couplings.iter_mut().zip(graph) {
            for (dense, (weight, bias)) in own.network.iter_mut().zip(&graph.network) {
                let values = weight.flatten_all()?.to_vec1::<f32>()?;
                dense.weight.iter_mut().zip(values).for_each(|(own, v)| *own = f64::from(v));
                let values = bias.to_vec1::<f32>()?;
                dense.bias.iter_mut().zip(values).for_each(|(own, v)| *own = f64::from(v));
            }
        }
        Ok(())
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
    use ndarray_linalg::Determinant;

    /// Whitened points, and a flow of random parameters.
    fn flow(d: usize, layers: usize) -> (Whitening, Flow, Array2<f64>) {
        let stream = Stream::new(5, 0, "flow test");
        let x = stream.standard_normal(9, 300, d).mapv(|v| v + 0.3 * v * v);
        let options = FlowOptions { layers, hidden: vec![8], bins: 4, ..FlowOptions::default() };
        let mut flow = Flow::start(d, &options, &stream).unwrap();
        for (l, coupling) in flow.couplings.iter_mut().enumerate() {
            for (i, dense) in coupling.network.iter_mut().enumerate() {
                let (rows, columns) = dense.weight.dim();
                let single = |v: f64| f64::from((0.25 * v) as f32);
                let number = (10 * l + i) as u64;
                dense.weight = stream.child("w").standard_normal(number, rows, columns).mapv(single);
                dense.bias = stream.child("b").standard_normal(number, 1, rows).row(0).mapv(single);
            }
        }
        (Whitening::fit(x.t(), 0).unwrap(), flow, x)
    }

    fn batch(whitening: &Whitening, x: &Array2<f64>) -> Tensor {
        let white = affine(&whitening.matrix, &whitening.mean, x.t()).reversed_axes();
        let values: Vec<f32> = white.iter().map(|v| *v as f32).collect();
        Tensor::from_vec(values, white.dim(), &Device::Cpu).unwrap()
    }

    /// What the graph's loss is in `f64`.
    fn loss_of(whitening: &Whitening, flow: &Flow, x: &Array2<f64>) -> f64 {
        let layer = layer_of(whitening, flow.clone()).unwrap();
        whitening.log_det - mean_log_density(&layer, x.view()).unwrap()
    }

    #[test]
    fn the_graph_has_the_density_of_the_map() {
        for d in [1, 2, 5] {
            let (whitening, flow, x) = flow(d, 3);
            let there = loss(&flow.graph().unwrap(), &batch(&whitening, &x), flow.bins).unwrap();
            let (there, here) = (there.to_scalar::<f32>().unwrap(), loss_of(&whitening, &flow, &x));
            assert!((f64::from(there) - here).abs() < 1e-4 * here.abs().max(1.0), "{d}: {there} {here}");
        }
    }

    #[test]
    fn the_graphs_gradients_are_those_of_finite_differences() {
        let (whitening, flow, x) = flow(3, 2);
        let graph = flow.graph().unwrap();
        let gradients = loss(&graph, &batch(&whitening, &x), flow.bins).unwrap().backward().unwrap();
        let moved = |l: usize, i: usize, at: (usize, usize), by: f64| {
            let mut flow = flow.clone();
            flow.couplings[l].network[i].weight[at] += by;
            loss_of(&whitening, &flow, &x)
        };
        for (l, i, at) in [(0, 0, (0, 0)), (0, 1, (3, 2)), (1, 0, (5, 0)), (1, 1, (10, 7)), (1, 1, (20, 1))] {
            let step = 1e-5;
            let numeric = (moved(l, i, at, step) - moved(l, i, at, -step)) / (2.0 * step);
            let own = gradients.get(graph[l].network[i].0.as_tensor()).unwrap();
            let own = f64::from(own.to_vec2::<f32>().unwrap()[at.0][at.1]);
            assert!((own - numeric).abs() < 1e-3 * numeric.abs().max(0.1), "{l} {i} {at:?}: {own} {numeric}");
        }
    }

    #[test]
    fn a_map_is_inverted_kept_as_bytes_and_its_determinant_is_that_of_its_derivatives() {
        for d in [1, 2, 5] {
            let (whitening, flow, x) = flow(d, 3);
            let map = Gaussianizer::from_layers(vec![layer_of(&whitening, flow).unwrap()]).unwrap();
            let (z, log_det) = map.forward_with_log_det(x.view());
            assert_eq!(map.forward(x.view()), z);
            let back = map.inverse(z.view());
            assert!((&back - &x).iter().all(|e| e.abs() < 1e-8), "{d}: does not come back");
            assert_eq!(Gaussianizer::from_safetensors(&map.to_safetensors().unwrap()).unwrap(), map);
            for i in [0, 7, 100] {
                let mut jacobian = Array2::zeros((d, d));
                let step = 1e-6;
                for j in 0..d {
                    let shifted = |by: f64| {
                        let mut point = x.slice(ndarray::s![i..=i, ..]).to_owned();
                        point[[0, j]] += by;
                        map.forward(point.view())
                    };
                    let column = (shifted(step) - shifted(-step)) / (2.0 * step);
                    jacobian.column_mut(j).assign(&column.row(0));
                }
                let (_, numeric) = jacobian.sln_det().unwrap();
                assert!((numeric - log_det[i]).abs() < 1e-4, "{d} {i}: {numeric} {}", log_det[i]);
            }
        }
    }

    #[test]
    fn training_finds_a_bend_and_is_the_same_again_whatever_the_threads() {
        let stream = Stream::new(5, 0, "flow test");
        let mut x = stream.standard_normal(1, 2000, 2);
        let bend = x.column(0).mapv(|v| v * v);
        x.column_mut(1).zip_mut_with(&bend, |v, b| *v = 0.3 * *v + b);
        let (train, held) =
            (x.slice(ndarray::s![200.., ..]).to_owned(), x.slice(ndarray::s![..200, ..]).to_owned());
        let options = FlowOptions { layers: 3, hidden: vec![32], iterations: 300, ..FlowOptions::default() };
        let fit = || Layer::trained(&train, &held, &options, &stream, &mut |_, _| ()).unwrap();
        let (layer, taken, score) = fit();
        // The truth is -log(2 pi e) - log 0.3; one normal distribution with these moments has 1.6 nats less.
        let truth = -(2.0 * std::f64::consts::PI * std::f64::consts::E).ln() - 0.3_f64.ln();
        assert!(score > truth - 0.3 && taken > 0, "{score} after {taken}, truth {truth}");
        assert_eq!(fit().0, layer);
        let one = rayon::ThreadPoolBuilder::new().num_threads(1).build().unwrap();
        assert_eq!(one.install(|| fit().0), layer, "another number of threads");
    }
}
