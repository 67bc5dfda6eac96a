//! One training iteration and one sampling step: in one go and on the candle graph, with 1 and 2 threads;
//! and, for the share of what the machine can do, the training's matrix products alone by the linked BLAS.
//!
//! `RAYON_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 cargo bench --bench diffusion`. OpenBLAS picks its kernels by
//! the processor's name and falls back to slow ones for names it does not know: compare with
//! `OPENBLAS_CORETYPE=SKYLAKEX` where the processor has AVX-512, `HASWELL` where it has AVX2.

use candle_core::Device;
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gdiff::diffusion::{
    Activation, Conditioning, Decay, Denoiser, Isotropy, IsotropyForm, LossOptions, Network, NetworkDenoiser,
    NetworkOptions, OptimizerKind, Reduction, Schedule, ScheduleKind, ScheduleOptions, TimeEncoding,
    TrainOptions, TrainStreams, Trainer, TrainerStack,
};
use gdiff::random::Stream;
use rayon::ThreadPool;
use std::ffi::{c_char, c_int};
use std::hint::black_box;

const BATCH: usize = 256;
const TIME_DIM: usize = 16;

unsafe extern "C" {
    /// BLAS: `c = alpha op(a) op(b) + beta c`, column by column.
    fn sgemm_(
        trans_a: *const c_char,
        trans_b: *const c_char,
        m: *const c_int,
        n: *const c_int,
        k: *const c_int,
        alpha: *const f32,
        a: *const f32,
        lda: *const c_int,
        b: *const f32,
        ldb: *const c_int,
        beta: *const f32,
        c: *mut f32,
        ldc: *const c_int,
    );
}

/// `c = op(a) op(b)`, column by column, `c` `(m, n)` and `k` the inner dimension.
fn sgemm([ta, tb]: [u8; 2], [m, n, k]: [usize; 3], a: &[f32], b: &[f32], c: &mut [f32]) {
    assert!(a.len() >= m * k && b.len() >= k * n && c.len() >= m * n);
    let (lda, ldb) = (if ta == b'N' { m } else { k }, if tb == b'N' { k } else { n });
    let [m, n, k, lda, ldb] = [m, n, k, lda, ldb].map(|v| c_int::try_from(v).expect("a small matrix"));
    let (ta, tb) = (ta as c_char, tb as c_char);
    // SAFETY: the slices hold the matrices, as checked above.
    unsafe {
        sgemm_(&ta, &tb, &m, &n, &k, &1.0, a.as_ptr(), &lda, b.as_ptr(), &ldb, &0.0, c.as_mut_ptr(), &m)
    };
}

fn hidden(width: usize) -> Vec<usize> {
    vec![width, 2 * width, 4 * width]
}

fn schedule(steps: usize) -> Schedule {
    let kind = ScheduleKind::Linear;
    let options = ScheduleOptions { steps, kind, beta_start: 1e-4, beta_end: 0.02, rescale: true };
    Schedule::new(&options).expect("a valid schedule")
}

fn network(hidden: Vec<usize>, conditioning: Conditioning, steps: usize) -> Network {
    let options = NetworkOptions {
        hidden,
        activation: Activation::Relu,
        time: TimeEncoding::Sinusoidal,
        time_dim: TIME_DIM,
        conditioning,
    };
    Network::new(2, steps, &options, &Stream::new(0, 0, "init"), &Device::Cpu).expect("a valid network")
}

/// A training with everything that costs time: noise, isotropy term, Adam, average.
fn trainer(network: Network, steps: usize, batch_size: usize, fused: bool) -> Trainer {
    let stream = Stream::new(0, 0, "bench");
    let options = TrainOptions {
        iterations: usize::MAX,
        batch_size,
        optimizer: OptimizerKind::Adam.into(),
        learning_rate: 1e-3,
        decay: Decay::None,
        ema: 0.999,
        clip_norm: 0.0,
        loss: LossOptions {
            isotropy: Some(Isotropy { lambda: 0.3, form: IsotropyForm::Batch }),
            reduction: Reduction::Mean,
        },
    };
    let streams = TrainStreams {
        shuffle: stream.child("shuffle"),
        timestep: stream.child("timestep"),
        noise: stream.child("noise"),
    };
    let data = stream.standard_normal(0, 10_000, 2);
    let new = if fused { Trainer::new } else { Trainer::on_graph };
    new(data, &schedule(steps), network, options, streams).expect("a valid training")
}

fn pool(threads: usize) -> ThreadPool {
    rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool")
}

/// The layers of a network as (inputs, outputs).
fn layers(width: usize) -> [(usize, usize); 4] {
    [(2 + TIME_DIM, width), (width, 2 * width), (2 * width, 4 * width), (4 * width, 2)]
}

/// Floating-point operations of the matrix products of one iteration: forward, gradients of the weights,
/// gradients of the inputs but for the first layer.
fn operations(width: usize) -> u64 {
    let counts = layers(width).map(|(input, output)| 2 * BATCH * input * output);
    (3 * counts.iter().sum::<usize>() - counts[0]) as u64
}

fn training_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("training_step_batch_256");
    for width in [16, 32, 64, 128] {
        group.throughput(Throughput::Elements(operations(width)));
        let name = format!("{width}-{}-{}", 2 * width, 4 * width);
        group.bench_function(format!("{name}/sgemm alone"), |b| {
            let [x, w] = [4 * width * BATCH, 8 * width * width + 8 * TIME_DIM].map(|n| vec![0.1f32; n]);
            let (mut y, mut g) = (x.clone(), w.clone());
            b.iter(|| {
                // Row-major matrices are column-major ones turned: y^T = W x^T.
                for (i, (input, output)) in layers(width).into_iter().enumerate() {
                    sgemm([b'T', b'N'], [output, BATCH, input], &w, &x, &mut y);
                    sgemm([b'N', b'T'], [input, output, BATCH], &x, &y, &mut g);
                    if i > 0 {
                        sgemm([b'N', b'N'], [input, BATCH, output], &w, &x, &mut y);
                    }
                }
                black_box((&y, &g));
            });
        });
        for threads in [1, 2] {
            let pool = pool(threads);
            let mut trainer = trainer(network(hidden(width), Conditioning::Concat, 100), 100, BATCH, true);
            group.bench_function(format!("{name}/fused, {threads} threads"), |b| {
                pool.install(|| b.iter(|| trainer.step().expect("a finite loss")));
            });
        }
        let mut trainer = trainer(network(hidden(width), Conditioning::Concat, 100), 100, BATCH, false);
        group.bench_function(format!("{name}/graph"), |b| {
            b.iter(|| trainer.step().expect("a finite loss"));
        });
    }
    group.finish();
}

/// The second paper's 2-D network.
fn training_step_add(c: &mut Criterion) {
    let mut group = c.benchmark_group("training_step_batch_64_add");
    for fused in [true, false] {
        let mut trainer = trainer(network(vec![128; 3], Conditioning::Add, 1000), 1000, 64, fused);
        let path = if fused { "fused" } else { "graph" };
        group.bench_function(format!("128-128-128/{path}"), |b| {
            b.iter(|| trainer.step().expect("a finite loss"));
        });
    }
    group.finish();
}

/// One iteration of each of 16 trainings: one by one, and side by side.
fn training_step_of_16(c: &mut Criterion) {
    const RUNS: usize = 16;
    let mut group = c.benchmark_group("training_step_of_16_runs");
    for width in [16, 128] {
        let name = format!("{width}-{}-{}", 2 * width, 4 * width);
        let trainers = |fused| -> Vec<Trainer> {
            let fresh = || network(hidden(width), Conditioning::Concat, 100);
            (0..RUNS).map(|_| trainer(fresh(), 100, BATCH, fused)).collect()
        };
        for (path, fused) in [("fused", true), ("graph", false)] {
            let mut trainers = trainers(fused);
            group.bench_function(format!("{name}/{path}, one by one"), |b| {
                b.iter(|| trainers.iter_mut().for_each(|t| assert!(t.step().is_ok())));
            });
        }
        for (path, stack) in [
            ("fused, in step", TrainerStack::new(trainers(true))),
            ("graph, one program", TrainerStack::together(trainers(false))),
        ] {
            let mut stack = stack.expect("trainings of one shape");
            group.bench_function(format!("{name}/{path}"), |b| {
                b.iter(|| stack.step().expect("a working device"));
            });
        }
    }
    group.finish();
}

fn sampling_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("sampling_step_10000_points");
    let stream = Stream::new(0, 0, "bench");
    let x = stream.standard_normal(0, 10_000, 2);
    for (path, new) in [
        ("fused", NetworkDenoiser::new as fn(Network, f64) -> NetworkDenoiser),
        ("graph", NetworkDenoiser::on_graph),
    ] {
        let denoiser = new(network(hidden(16), Conditioning::Concat, 100), 1.0);
        for threads in [1, 2] {
            let pool = pool(threads);
            group.bench_function(format!("16-32-64/{path}, {threads} threads"), |b| {
                pool.install(|| {
                    b.iter(|| {
                        let eps = denoiser.predict_noise(x.view(), 50).expect("a prediction");
                        black_box(eps + stream.standard_normal(50, 10_000, 2))
                    });
                });
            });
        }
    }
    group.finish();
}

criterion_group!(benches, training_step, training_step_add, training_step_of_16, sampling_step);
criterion_main!(benches);
