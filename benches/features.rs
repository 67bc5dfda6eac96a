//! What distances between features cost: the CPU seconds of each, median of three, of 10,000 points against 10,000.
//!
//!     cargo bench --bench features [-- NAME]      # a minute; `prdc`, `frechet` or `kid` alone

use gdiff::metrics::RealManifold;
use gdiff::metrics::features::{KernelDistanceOptions, frechet_distance, kernel_distance};
use gdiff::numeric::random::Stream;
use gdiff::numeric::threads::one_thread_per_kernel;
use ndarray::Array2;
use std::hint::black_box;

const POINTS: usize = 10_000;

/// User and system time of this process, in seconds.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").expect("Linux");
    let fields: Vec<&str> = stat.rsplit(") ").next().unwrap_or("").split(' ').collect();
    (fields[11].parse::<f64>().unwrap_or(0.0) + fields[12].parse::<f64>().unwrap_or(0.0)) / 100.0
}

/// Points with a spectrum that falls as that of features of images does, after `max(0, .)`.
fn points(index: u64, d: usize) -> Array2<f64> {
    let stream = Stream::new(1, 0, "features");
    let inner = stream.standard_normal(index, POINTS, 100);
    let mix = Stream::new(1, 0, "mix").standard_normal(0, 100, d) * 0.1;
    let noise = stream.child("noise").standard_normal(index, POINTS, d) * 0.3;
    (inner.dot(&mix) + noise).mapv(|v| v.max(0.0))
}

fn time(name: &str, wanted: &[String], mut run: impl FnMut() -> f64) {
    if !wanted.is_empty() && !wanted.iter().any(|word| name.starts_with(word.as_str())) {
        return;
    }
    let mut seconds: Vec<f64> = (0..3)
        .map(|_| {
            let begun = cpu();
            black_box(run());
            cpu() - begun
        })
        .collect();
    seconds.sort_by(f64::total_cmp);
    println!("{name}: {:.2} s of CPU ({:.2} to {:.2}); {}", seconds[1], seconds[0], seconds[2], run());
}

fn main() {
    one_thread_per_kernel();
    let wanted: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    for (name, d) in
        [("prdc, 784 dimensions", 784), ("prdc, 64 dimensions", 64), ("prdc, 2048 dimensions", 2048)]
    {
        let (real, fake) = (points(0, d), points(1, d));
        time(name, &wanted, || {
            let manifold = RealManifold::new(real.view(), 5).expect("usual points");
            let prdc = manifold.prdc(fake.view()).expect("usual points");
            println!("{prdc:?}");
            prdc.density
        });
    }
    let (real, fake) = (points(0, 2048), points(1, 2048));
    time("frechet, 2048 dimensions", &wanted, || {
        frechet_distance(real.view(), fake.view()).expect("usual points")
    });
    time("kid, 2048 dimensions", &wanted, || {
        let (options, stream) = (KernelDistanceOptions::default(), Stream::new(1, 0, "kid"));
        kernel_distance(real.view(), fake.view(), &options, stream).expect("usual points").mean
    });
}
