//! One training iteration and one sampling step. Run with one thread for the tensor library:
//! `RAYON_NUM_THREADS=1 cargo bench --bench diffusion`.

use candle_core::Device;
use criterion::{Criterion, criterion_group, criterion_main};
use gdiff::diffusion::{
    Activation, Conditioning, Decay, Denoiser, LossOptions, Network, NetworkDenoiser, NetworkOptions,
    OptimizerKind, Reduction, Schedule, ScheduleKind, ScheduleOptions, TimeEncoding, TrainOptions,
    TrainStreams, Trainer,
};
use gdiff::random::Stream;
use std::hint::black_box;

fn schedule() -> Schedule {
    let kind = ScheduleKind::Linear;
    let options = ScheduleOptions { steps: 100, kind, beta_start: 1e-4, beta_end: 0.02, rescale: true };
    Schedule::new(&options).expect("a valid schedule")
}

fn network(width: usize) -> Network {
    let options = NetworkOptions {
        hidden: vec![width, 2 * width, 4 * width],
        activation: Activation::Relu,
        time: TimeEncoding::Sinusoidal,
        time_dim: 16,
        conditioning: Conditioning::Concat,
    };
    Network::new(2, 100, &options, &Stream::new(0, 0, "init"), &Device::Cpu).expect("a valid network")
}

fn training_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("training_step_batch_256");
    let stream = Stream::new(0, 0, "bench");
    for width in [16, 32, 64, 128] {
        let options = TrainOptions {
            iterations: usize::MAX,
            batch_size: 256,
            optimizer: OptimizerKind::Adam.into(),
            learning_rate: 1e-3,
            decay: Decay::None,
            ema: 0.0,
            clip_norm: 0.0,
            loss: LossOptions { isotropy: None, reduction: Reduction::Mean },
        };
        let streams = TrainStreams {
            shuffle: stream.child("shuffle"),
            timestep: stream.child("timestep"),
            noise: stream.child("noise"),
        };
        let data = stream.standard_normal(0, 10_000, 2);
        let mut trainer =
            Trainer::new(data, &schedule(), network(width), options, streams).expect("a valid training");
        group.bench_function(format!("{width}-{}-{}", 2 * width, 4 * width), |b| {
            b.iter(|| trainer.step().expect("a finite loss"));
        });
    }
    group.finish();
}

fn sampling_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("sampling_step_10000_points");
    let stream = Stream::new(0, 0, "bench");
    let x = stream.standard_normal(0, 10_000, 2);
    let denoiser = NetworkDenoiser::new(network(16), 1.0);
    for threads in [1, 2] {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        group.bench_function(format!("16-32-64, {threads} threads"), |b| {
            b.iter(|| {
                pool.install(|| {
                    let eps = denoiser.predict_noise(x.view(), 50).expect("a prediction");
                    black_box(eps + stream.standard_normal(50, 10_000, 2))
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, training_step, sampling_step);
criterion_main!(benches);
