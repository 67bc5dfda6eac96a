//! Sliced W2, energy distance and mode error of 10,000 generated points against 10,000 real ones, given what is computed
//! once of the real points, in 1 to 64 dimensions: what a scored reverse step costs. And that preparation.

mod common;

use common::mixture;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gdiff::data::mixture::GaussianMixture;
use gdiff::metrics::{EnergyDistance, SlicedW2, mode_error};
use ndarray::{Array1, Array2};

const POINTS: usize = 10_000;

fn distances(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("distances_10000_x_10000");
    group.sample_size(20);
    for d in [1, 2, 3, 16, 64] {
        let (real, fake) = (mixture(POINTS, d, "real"), mixture(POINTS, d, "generated"));
        let sliced = SlicedW2::new(real.view()).expect("finite points");
        let energy = EnergyDistance::new(real.view()).expect("finite points");
        group.bench_function(BenchmarkId::new("sliced W2", d), |bencher| {
            bencher.iter(|| sliced.distance(fake.view()));
        });
        group.bench_function(BenchmarkId::new("energy distance", d), |bencher| {
            bencher.iter(|| energy.distance(fake.view()));
        });
        group.bench_function(BenchmarkId::new("energy distance, real points", d), |bencher| {
            bencher.iter(|| EnergyDistance::new(real.view()));
        });
        let four = four_modes(d);
        group.bench_function(BenchmarkId::new("mode error, 4 modes", d), |bencher| {
            bencher.iter(|| mode_error(&four, fake.view()));
        });
    }
    group.finish();
}

/// Four modes along the diagonal.
fn four_modes(d: usize) -> GaussianMixture {
    let means: Vec<_> = (0..4).map(|k| Array1::from_elem(d, 2.0 * f64::from(k))).collect();
    GaussianMixture::new(&[0.25; 4], &means, &vec![Array2::eye(d); 4]).expect("a mixture")
}

criterion_group!(benches, distances);
criterion_main!(benches);
