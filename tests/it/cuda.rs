//! What runs elsewhere is what runs here, up to rounding. Each check is done on the host's candle graph, which is the
//! program that a GPU gets, but for the operations of a U-Net; and on the GPU itself where this build has CUDA and the
//! machine a GPU, else its test is reported as ignored.

use crate::common::trainings::{Alone, Case, case, gap, weights};
use crate::common::{TINY, gdiff, spec};
use candle_core::Device;
use gdiff::diffusion::{
    Activation,
    BackendChoice::{self, Auto, Candle},
    Conditioning, Denoiser, DiffusionError, IsotropyLoss, NetworkDenoiser, NetworkKind, NetworkOptions,
    SampleOptions, Schedule, TimeEncoding, Training, VarianceKind, sample,
};
use gdiff::metrics::RealManifold;
use gdiff::numeric::random::Stream;
use ndarray::Array2;
use tempfile::tempdir;

fn gpu() -> Device {
    Device::new_cuda(0).unwrap()
}

/// Four trainings that differ in everything that may differ side by side.
fn four() -> Vec<Case> {
    let base = case(Activation::Relu, TimeEncoding::ALL[0], Conditioning::ALL[0], &[16, 32, 64]);
    [(3, 1e-3, 0.0), (4, 1e-3, 0.3), (5, 3e-3, 0.05), (6, 1e-2, 0.0)]
        .map(|(seed, learning_rate, lambda)| {
            let loss = IsotropyLoss { lambda, ..IsotropyLoss::SIMPLE };
            Case { seed, learning_rate, loss, ..base.clone() }
        })
        .to_vec()
}

/// Losses after 100 iterations, alone and side by side, are those of the host's own path within a thousandth.
fn trainings_agree(device: &Device) {
    let cases = four();
    let mut host: Vec<_> = cases.iter().map(|case| case.alone(Auto)).collect();
    let mut alone = Alone::new(cases[1].job_on(device), Candle);
    let jobs = cases.iter().map(|case| case.job_on(device)).collect();
    let mut together = Training::new(jobs, Candle).unwrap();
    for iteration in 0..100 {
        let there = together.step().unwrap();
        let single = alone.step().unwrap();
        for (i, (host, there)) in host.iter_mut().zip(there).enumerate() {
            let (here, there) = (host.step().unwrap(), there.unwrap());
            let close = |a: f64, b: f64| (a - b).abs() <= 1e-3 * a.abs().max(0.1);
            assert!(close(here.loss, there.loss), "iteration {iteration} of {i}: {here:?} {there:?}");
            assert!(i != 1 || close(here.loss, single.loss), "iteration {iteration}: {here:?} {single:?}");
        }
    }
    for (host, there) in host.into_iter().zip(together.into_networks().unwrap()) {
        let far = gap(&weights(&host.into_network()), &weights(&there.unwrap()));
        assert!(far <= 1e-2, "{far}");
    }
}

#[test]
fn trainings_agree_on_the_graph() {
    trainings_agree(&Device::Cpu);
}

#[test]
#[cfg_attr(not(gpu), ignore = "no GPU, or built without the feature cuda")]
fn trainings_agree_on_cuda() {
    trainings_agree(&gpu());
}

/// Samples drawn side by side, with the same noise.
fn samples_agree(device: &Device) {
    let cases = four();
    let schedule = Schedule::from_betas(vec![0.05; cases[0].steps]).unwrap();
    let noise = Stream::new(9, 0, "noise");
    let (n, each) = (4 * 100, 100);
    let start = noise.standard_normal(u64::from(u32::MAX), n, 2);
    let draw = |denoiser: &dyn Denoiser, start: &Array2<f64>| {
        let look = &mut |_, _, _: &Array2<f64>| Ok(());
        let sampler = SampleOptions::default().build(VarianceKind::FixedSmall, None).unwrap();
        sample::<DiffusionError>(denoiser, &schedule, sampler, start.clone(), &noise, look).unwrap()
    };
    let on = |device: &Device, backend: BackendChoice| {
        let new = |case: &Case| NetworkDenoiser::with_backend(case.network_on(device), 1.1, backend).unwrap();
        let denoisers: Vec<_> = cases.iter().map(new).collect();
        NetworkDenoiser::joined(&denoisers.iter().collect::<Vec<_>>(), backend).unwrap()
    };
    let here = draw(&on(&Device::Cpu, Auto), &start);
    let there = draw(&on(device, Candle), &start);
    assert_eq!(here.dim(), (n, 2));
    assert_eq!(each * cases.len(), n);
    for (a, b) in here.iter().zip(&there) {
        assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn samples_agree_on_the_graph() {
    samples_agree(&Device::Cpu);
}

#[test]
#[cfg_attr(not(gpu), ignore = "no GPU, or built without the feature cuda")]
fn samples_agree_on_cuda() {
    samples_agree(&gpu());
}

/// A U-Net with everything that it can have: its losses, parameters, and predictions for more images than go at a time.
fn unets_agree(device: &Device) {
    let plain = case(Activation::Relu, TimeEncoding::ALL[0], Conditioning::ALL[0], &[16]);
    let network = NetworkOptions {
        kind: NetworkKind::Unet,
        image: Some([2, 7, 6]),
        channels: Some(8),
        multipliers: Some(vec![1, 2]),
        blocks: Some(1),
        attention: Some(vec![4]),
        dropout: Some(0.1),
        groups: Some(4),
        ..NetworkOptions::default()
    };
    let case = Case { dim: 2 * 7 * 6, network, ..plain };
    let (mut host, mut there) = (case.alone(Auto), Alone::new(case.job_on(device), Candle));
    for iteration in 0..20 {
        let (a, b) = (host.step().unwrap().loss, there.step().unwrap().loss);
        assert!((a - b).abs() <= 1e-3 * a.abs().max(0.1), "iteration {iteration}: {a} {b}");
    }
    let (host, there) = (host.into_network(), there.into_network());
    let far = gap(&weights(&host), &weights(&there));
    assert!(far <= 1e-2, "{far}");
    let x = Stream::new(9, 0, "x").standard_normal(0, 300, case.dim);
    // The same parameters on both.
    let copy = case.network_on(device);
    copy.load_safetensors(&host.to_safetensors().unwrap()).unwrap();
    let here = NetworkDenoiser::new(host, 1.0).unwrap().predict_noise(x.view(), 5).unwrap();
    let there = NetworkDenoiser::with_backend(copy, 1.0, Candle).unwrap().predict_noise(x.view(), 5).unwrap();
    for (a, b) in here.iter().zip(&there) {
        assert!((a - b).abs() <= 1e-3 * a.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn unets_agree_on_the_graph() {
    unets_agree(&Device::Cpu);
}

#[test]
#[cfg_attr(not(gpu), ignore = "no GPU, or built without the feature cuda")]
fn unets_agree_on_cuda() {
    unets_agree(&gpu());
}

/// PRDC from blocks of distances is PRDC from trees, to the last bit.
fn prdc_agrees(device: &Device) {
    for d in [2, 30, 300] {
        let normal = |index, n| Stream::new(2, 0, "points").standard_normal(index, n, d);
        let (real, mut fake) = (normal(0, 900), normal(1, 700));
        // Some memorized points, and one that went astray.
        for row in 0..40 {
            fake.row_mut(row).assign(&real.row(2 * row));
        }
        fake[[50, 0]] = 1e200;
        let trees = RealManifold::new(real.view(), 5).unwrap();
        let blocks = RealManifold::in_tiles(device, real.view(), 5).unwrap();
        assert_eq!(trees.radii(), blocks.radii());
        assert_eq!(trees.prdc(fake.view()), blocks.prdc(fake.view()));
        assert_eq!(trees.spheres_holding(fake.view()), blocks.spheres_holding(fake.view()));
    }
}

#[test]
fn prdc_agrees_on_the_host() {
    prdc_agrees(&Device::Cpu);
}

#[test]
#[cfg_attr(not(gpu), ignore = "no GPU, or built without the feature cuda")]
fn prdc_agrees_on_cuda() {
    prdc_agrees(&gpu());
}

/// The whole program: metrics near those of the CPU, and the same bytes when it is done again.
#[test]
#[cfg_attr(not(gpu), ignore = "no GPU, or built without the feature cuda")]
fn runs_agree_on_cuda() {
    let folder = tempdir().unwrap();
    spec(folder.path(), TINY);
    let metrics = |out: &str, device: &str| {
        let arguments = ["run", "spec.toml", "--quiet", "--set", "replicates=3", "--out", out, "--device"];
        gdiff(folder.path()).args(arguments).arg(device).assert().success();
        std::fs::read_to_string(folder.path().join(out).join("metrics.csv")).unwrap()
    };
    let (cpu, cuda) = (metrics("cpu", "cpu"), metrics("cuda", "cuda"));
    assert_eq!(cuda, metrics("again", "cuda"));
    assert_eq!(cpu.lines().count(), cuda.lines().count());
    let likelihood = |line: &str| line.split(',').nth(5).and_then(|value| value.parse::<f64>().ok());
    for (here, there) in cpu.lines().zip(cuda.lines()).skip(1) {
        let (a, b) = (likelihood(here).unwrap(), likelihood(there).unwrap());
        assert!((a - b).abs() <= 1e-2 * a.abs().max(1.0), "{here}\n{there}");
    }
}
