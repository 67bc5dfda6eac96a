//! Fit, forward and inverse of ten layers at 1e3, 1e4 and 1e5 points in two dimensions.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gdiff::gaussianize::{GaussianizeOptions, Gaussianizer};
use gdiff::random::Stream;
use ndarray::Array2;

/// A ring of eight modes.
fn ring(n: usize) -> Array2<f64> {
    let mut x = Stream::new(1, 0, "bench").standard_normal(0, n, 2) * 0.1;
    for (i, mut row) in x.outer_iter_mut().enumerate() {
        let angle = (i % 8) as f64 * std::f64::consts::FRAC_PI_4;
        row[0] += 2.0 * angle.cos();
        row[1] += 2.0 * angle.sin();
    }
    x
}

fn benches(c: &mut Criterion) {
    let stream = Stream::new(2, 0, "bench");
    let options = GaussianizeOptions { layers: 10, held_out: 0.0, ..Default::default() };
    let fit = |x: &Array2<f64>| Gaussianizer::fit(x.view(), &options, &stream, &mut |_, _| ());
    let mut group = c.benchmark_group("gaussianize");
    group.sample_size(10);
    for n in [1_000, 10_000, 100_000] {
        let x = ring(n);
        let z = stream.standard_normal(0, n, 2);
        group.bench_function(BenchmarkId::new("fit", n), |b| b.iter(|| black_box(fit(&x).is_ok())));
        let Ok((map, _)) = fit(&x) else { continue };
        group.bench_function(BenchmarkId::new("forward", n), |b| b.iter(|| black_box(map.forward(x.view()))));
        group.bench_function(BenchmarkId::new("inverse", n), |b| b.iter(|| black_box(map.inverse(z.view()))));
    }
    group.finish();
}

criterion_group!(gaussianize, benches);
criterion_main!(gaussianize);
