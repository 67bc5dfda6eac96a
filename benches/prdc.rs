//! PRDC of 10,000 generated against 10,000 real points, `k = 5`: from nothing, and given the real
//! manifold (what every reverse step costs), in 2, 16 and 64 dimensions.

mod common;

use common::mixture;
use criterion::{BenchmarkId, Criterion, criterion_group, criterion_main};
use gdiff::metrics::RealManifold;
use gdiff::numeric::random::Stream;

const POINTS: usize = 10_000;
const NEIGHBOURS: usize = 5;

fn prdc(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("prdc_10000_x_10000");
    group.sample_size(20);
    for d in [2, 16, 64] {
        let real = mixture(POINTS, d, "real");
        let Ok(manifold) = RealManifold::new(real.view(), NEIGHBOURS) else { return };
        let clouds = [
            ("mixture", mixture(POINTS, d, "generated")),
            ("pure noise", Stream::new(1, 0, "noise").standard_normal(0, POINTS, d)),
        ];
        for (name, fake) in &clouds {
            group.bench_function(BenchmarkId::new(format!("full, {name}"), d), |bencher| {
                bencher.iter(|| RealManifold::new(real.view(), NEIGHBOURS).and_then(|m| m.prdc(fake.view())));
            });
            group.bench_function(BenchmarkId::new(format!("given the manifold, {name}"), d), |bencher| {
                bencher.iter(|| manifold.prdc(fake.view()));
            });
        }
    }
    group.finish();
}

criterion_group!(benches, prdc);
criterion_main!(benches);
