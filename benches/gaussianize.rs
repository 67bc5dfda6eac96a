//! Fit, forward and inverse at 1e3, 1e4 and 1e5 points: the default map and ten marginal layers in two
//! dimensions, the default map in five.

use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gdiff::gaussianize::{Coupling, GaussianizeOptions, Gaussianizer};
use gdiff::numeric::random::Stream;
use ndarray::Array2;

/// A ring of eight modes in the first two columns.
fn ring(n: usize, dim: usize) -> Array2<f64> {
    let mut x = Stream::new(1, 0, "bench").standard_normal(0, n, dim) * 0.1;
    for (i, mut row) in x.outer_iter_mut().enumerate() {
        let angle = (i % 8) as f64 * std::f64::consts::FRAC_PI_4;
        row[0] += 2.0 * angle.cos();
        row[1] += 2.0 * angle.sin();
    }
    x
}

fn benches(c: &mut Criterion) {
    let stream = Stream::new(2, 0, "bench");
    let marginal =
        GaussianizeOptions { coupling: Coupling::Marginal, layers: 10, held_out: 0.0, ..Default::default() };
    let default = GaussianizeOptions::default();
    let mut group = c.benchmark_group("gaussianize");
    group.sample_size(10);
    for (name, options, dim) in
        [("default", &default, 2), ("ten_marginal", &marginal, 2), ("default_5d", &default, 5)]
    {
        let fit = |x: &Array2<f64>| Gaussianizer::fit(x.view(), options, &stream, &mut |_, _| ());
        for n in [1_000, 10_000, 100_000] {
            let x = ring(n, dim);
            let z = stream.standard_normal(0, n, dim);
            let id = |what: &str| BenchmarkId::new(format!("{name}/{what}"), n);
            group.bench_function(id("fit"), |b| b.iter(|| black_box(fit(&x).is_ok())));
            let Ok((map, _)) = fit(&x) else { continue };
            group.bench_function(id("forward"), |b| b.iter(|| black_box(map.forward(x.view()))));
            group.bench_function(id("inverse"), |b| b.iter(|| black_box(map.inverse(z.view()))));
        }
    }
    group.finish();
}

criterion_group!(gaussianize, benches);
criterion_main!(gaussianize);
