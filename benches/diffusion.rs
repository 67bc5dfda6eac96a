//! One training iteration and one sampling step: in one go and on the candle graph, with 1 and 2 threads;
//! and, for the share of what the machine can do, the training's matrix products alone by the linked BLAS.
//!
//! `RAYON_NUM_THREADS=1 OPENBLAS_NUM_THREADS=1 cargo bench --bench diffusion`. OpenBLAS picks its kernels by
//! the processor's name and falls back to slow ones for names it does not know: compare with
//! `OPENBLAS_CORETYPE=SKYLAKEX` where the processor has AVX-512, `HASWELL` where it has AVX2.

mod common;

use common::{BATCH, Products, backend, everything, hidden, job, network, operations, pool, trainer};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use gdiff::diffusion::{Conditioning, Denoiser, NetworkDenoiser, Training, TrainingJob};
use gdiff::numeric::random::Stream;
use std::hint::black_box;

fn training_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("training_step_batch_256");
    for width in [16, 32, 64, 128] {
        group.throughput(Throughput::Elements(operations(width)));
        let name = format!("{width}-{}-{}", 2 * width, 4 * width);
        group.bench_function(format!("{name}/sgemm alone"), |b| {
            let mut products = Products::new(width);
            b.iter(|| products.run());
        });
        for threads in [1, 2] {
            let pool = pool(threads);
            let mut trainer = trainer(
                10_000,
                network(2, hidden(width), Conditioning::Concat, 100),
                100,
                everything(BATCH),
                true,
            );
            group.bench_function(format!("{name}/fused, {threads} threads"), |b| {
                pool.install(|| b.iter(|| trainer.step().expect("a finite loss")));
            });
        }
        let mut trainer = trainer(
            10_000,
            network(2, hidden(width), Conditioning::Concat, 100),
            100,
            everything(BATCH),
            false,
        );
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
        let mut trainer =
            trainer(10_000, network(2, vec![128; 3], Conditioning::Add, 1000), 1000, everything(64), fused);
        let path = if fused { "fused" } else { "graph" };
        group.bench_function(format!("128-128-128/{path}"), |b| {
            b.iter(|| trainer.step().expect("a finite loss"));
        });
    }
    group.finish();
}

/// One iteration of each of 16 trainings: one by one, and in lockstep.
fn training_step_of_16(c: &mut Criterion) {
    const RUNS: usize = 16;
    let mut group = c.benchmark_group("training_step_of_16_runs");
    for width in [16, 128] {
        let name = format!("{width}-{}-{}", 2 * width, 4 * width);
        let jobs = || -> Vec<TrainingJob> {
            let fresh = || network(2, hidden(width), Conditioning::Concat, 100);
            (0..RUNS).map(|_| job(10_000, fresh(), 100, everything(BATCH))).collect()
        };
        let training = |jobs, fused| Training::new(jobs, backend(fused)).expect("a valid training");
        for (path, fused) in [("fused", true), ("graph", false)] {
            let mut trainers: Vec<_> = jobs().into_iter().map(|job| training(vec![job], fused)).collect();
            group.bench_function(format!("{name}/{path}, one by one"), |b| {
                b.iter(|| trainers.iter_mut().for_each(|t| assert!(t.step().is_ok())));
            });
        }
        for (path, fused) in [("fused, in lockstep", true), ("graph, one program", false)] {
            let mut training = training(jobs(), fused);
            group.bench_function(format!("{name}/{path}"), |b| {
                b.iter(|| training.step().expect("a working device"));
            });
        }
    }
    group.finish();
}

fn sampling_step(c: &mut Criterion) {
    let mut group = c.benchmark_group("sampling_step_10000_points");
    let stream = Stream::new(0, 0, "bench");
    let x = stream.standard_normal(0, 10_000, 2);
    for (path, fused) in [("fused", true), ("graph", false)] {
        let network = network(2, hidden(16), Conditioning::Concat, 100);
        let denoiser = NetworkDenoiser::with_backend(network, 1.0, backend(fused)).expect("a valid network");
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
