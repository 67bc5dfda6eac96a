//! What several benchmarks share: networks, trainings, and the matrix products of a training alone.

// Each benchmark uses some of it.
#![allow(dead_code)]

use candle_core::Device;
use gdiff::diffusion::{
    BackendChoice, Conditioning, DiffusionOptions, IsotropyLoss, Network, NetworkOptions, Schedule,
    TrainOptions, TrainStreams, Training, TrainingJob,
};
use gdiff::numeric::blas::sgemm;
use gdiff::numeric::random::Stream;
use ndarray::Array2;
use rayon::ThreadPool;
use std::hint::black_box;

/// Points of a training batch.
pub const BATCH: usize = 256;
/// Size of the time embedding.
pub const TIME_DIM: usize = 16;

/// The widths of the hidden layers.
pub fn hidden(width: usize) -> Vec<usize> {
    vec![width, 2 * width, 4 * width]
}

/// The first paper's schedule.
pub fn schedule(steps: usize) -> Schedule {
    Schedule::new(&DiffusionOptions { steps, ..DiffusionOptions::default() }).expect("a valid schedule")
}

/// A network of `d`-dimensional points with a sinusoidal embedding.
pub fn network(d: usize, hidden: Vec<usize>, conditioning: Conditioning, steps: usize) -> Network {
    let options = NetworkOptions {
        hidden: Some(hidden),
        time_dim: TIME_DIM,
        conditioning,
        ..NetworkOptions::default()
    };
    Network::new(d, steps, &options, &Stream::new(0, 0, "init"), &Device::Cpu).expect("a valid network")
}

/// A training with everything that costs time: isotropy term, Adam, average.
pub fn everything(batch_size: usize) -> TrainOptions {
    TrainOptions {
        iterations: Some(1_000_000_000),
        batch_size,
        ema: 0.999,
        isotropy: Some(IsotropyLoss { lambda: 0.3, ..IsotropyLoss::SIMPLE }),
        ..TrainOptions::default()
    }
}

/// A training on `n` points, to be done without a graph or on the graph.
pub fn job(n: usize, network: Network, steps: usize, options: TrainOptions) -> TrainingJob {
    let stream = Stream::new(0, 0, "bench");
    let streams = TrainStreams {
        shuffle: stream.child("shuffle"),
        timestep: stream.child("timestep"),
        noise: stream.child("noise"),
    };
    let data = stream.standard_normal(0, n, network.dim());
    TrainingJob::new(data, &schedule(steps), network, options, streams).expect("a valid training")
}

/// The backend without a graph, or that of the graph.
pub fn backend(fused: bool) -> BackendChoice {
    if fused { BackendChoice::Auto } else { BackendChoice::Candle }
}

/// A training of one network on `n` points.
pub fn trainer(n: usize, network: Network, steps: usize, options: TrainOptions, fused: bool) -> Training {
    Training::new(vec![job(n, network, steps, options)], backend(fused)).expect("a valid training")
}

/// `n` points of an eight-component mixture of well-separated Gaussians.
pub fn mixture(n: usize, d: usize, purpose: &str) -> Array2<f64> {
    let noise = Stream::new(1, 0, purpose).standard_normal(0, n, d);
    let centres = Stream::new(1, 0, "centres").standard_normal(0, 8, d);
    Array2::from_shape_fn((n, d), |(i, j)| 4.0 * centres[[i % 8, j]] + 0.4 * noise[[i, j]])
}

/// A pool of threads.
pub fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool")
}

/// The layers of a network as (inputs, outputs).
pub fn layers(width: usize) -> [(usize, usize); 4] {
    [(2 + TIME_DIM, width), (width, 2 * width), (2 * width, 4 * width), (4 * width, 2)]
}

/// Floating-point operations of the matrix products of one iteration: forward, gradients of the weights,
/// gradients of the inputs but for the first layer.
pub fn operations(width: usize) -> u64 {
    let counts = layers(width).map(|(input, output)| 2 * BATCH * input * output);
    (3 * counts.iter().sum::<usize>() - counts[0]) as u64
}

/// Floating-point operations of the matrix products for the prediction of one point.
pub fn prediction_operations(width: usize) -> usize {
    layers(width).map(|(input, output)| 2 * input * output).iter().sum()
}

/// The matrix products of one training iteration, by the linked BLAS, on buffers that are kept.
pub struct Products {
    width: usize,
    x: Vec<f32>,
    w: Vec<f32>,
    y: Vec<f32>,
    g: Vec<f32>,
}

impl Products {
    /// The products of a network whose first layer has this width.
    pub fn new(width: usize) -> Self {
        let [x, w] = [4 * width * BATCH, 8 * width * width + 8 * TIME_DIM].map(|n| vec![0.1f32; n]);
        Self { width, y: x.clone(), g: w.clone(), x, w }
    }

    /// Does them once: forward, gradients of the weights, gradients of the inputs but for the first layer.
    pub fn run(&mut self) {
        let Self { width, x, w, y, g } = self;
        // Row-major matrices are column-major ones turned: y^T = W x^T.
        for (i, (input, output)) in layers(*width).into_iter().enumerate() {
            sgemm([true, false], [output, BATCH, input], w, x, y);
            sgemm([false, true], [input, output, BATCH], x, y, g);
            if i > 0 {
                sgemm([false, false], [input, BATCH, output], w, x, y);
            }
        }
        black_box((y, g));
    }
}
