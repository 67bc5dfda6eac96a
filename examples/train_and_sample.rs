//! Trains a small DDPM on a mixture of four normal distributions, samples it, and compares its samples with those of the
//! exact denoiser.
//!
//!     cargo run --release --example train_and_sample

use candle_core::Device;
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::{
    BackendChoice, Denoiser, DiffusionError, DiffusionOptions, MixtureDenoiser, Network, NetworkDenoiser,
    NetworkOptions, SampleOptions, Schedule, TrainOptions, TrainStreams, Training, TrainingJob, VarianceKind,
    sample,
};
use gdiff::metrics::sliced::sliced_w2;
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, array};
use std::error::Error;

const POINTS: usize = 5000;

fn main() -> Result<(), Box<dyn Error>> {
    // Every random number belongs to a stream with a name: (seed, replicate, purpose).
    let stream = |purpose: &str| Stream::new(1, 0, purpose);
    let means: [Array1<f64>; 4] =
        [array![1.0, 1.0], array![1.0, -1.0], array![-1.0, 1.0], array![-1.0, -1.0]];
    let covariances = vec![Array2::eye(2) * 0.04; 4];
    let mixture = GaussianMixture::new(&[0.4, 0.3, 0.2, 0.1], &means, &covariances)?;
    let data = mixture.sample(POINTS, &stream("data"));

    let schedule = Schedule::new(&DiffusionOptions { steps: 100, ..DiffusionOptions::default() })?;
    let options = NetworkOptions { width: Some(32), ..NetworkOptions::default() };
    let network = Network::new(2, schedule.steps(), &options, &stream("parameters"), &Device::Cpu)?;
    let options = TrainOptions { iterations: Some(4000), ema: 0.999, ..TrainOptions::default() };
    let streams =
        TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") };
    let job = TrainingJob::new(data, &schedule, network, options, streams)?;
    let mut training = Training::new(vec![job], BackendChoice::Auto)?;
    for iteration in 1..=4000 {
        let terms = training.step()?.remove(0)?;
        if iteration % 1000 == 0 {
            println!("iteration {iteration}: loss {:.3}", terms.loss);
        }
    }
    let network = training.into_networks()?.remove(0)?;

    let trained = NetworkDenoiser::new(network, 1.0)?;
    let exact = MixtureDenoiser::new(&mixture, &schedule)?;
    let fresh = mixture.sample(POINTS, &stream("reference"));
    let floor = sliced_w2(fresh.view(), mixture.sample(POINTS, &stream("fresh")).view())?;
    println!("sliced W2 of real points {floor:.4}");
    let denoisers: [(&str, &dyn Denoiser); 2] = [("the network", &trained), ("the exact denoiser", &exact)];
    for (name, denoiser) in denoisers {
        let sampler = SampleOptions::default().build(VarianceKind::FixedSmall, Some(schedule.steps()))?;
        let start = stream("start").standard_normal(0, POINTS, 2);
        let mut ignore = |_: usize, _: usize, _: &Array2<f64>| Ok::<(), DiffusionError>(());
        let x = sample(denoiser, &schedule, sampler, start, &stream("sampling noise"), &mut ignore)?;
        println!("sliced W2 of the samples of {name} {:.4}", sliced_w2(fresh.view(), x.view())?);
    }
    Ok(())
}
