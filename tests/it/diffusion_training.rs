//! What training must do: learn, repeat itself bit for bit, stop and go on, and refuse what makes no sense.

use crate::common::trainings::Alone;
use candle_core::{DType, Device, Tensor};
use gdiff::data::mixture::GaussianMixture;
use gdiff::diffusion::{
    BackendChoice::Auto, Decay, Denoiser, DiffusionError, DiffusionOptions, IsotropyForm, IsotropyLoss,
    LossTerms, MixtureDenoiser, Network, NetworkDenoiser, NetworkOptions, OptimizerKind, Outputs, Schedule,
    TrainOptions, TrainStreams, TrainingJob, train::average,
};
use gdiff::numeric::random::Stream;
use ndarray::{Array1, Array2, arr2};
use rand::RngExt;
use std::collections::HashSet;

fn schedule() -> Schedule {
    Schedule::new(&DiffusionOptions::default()).unwrap()
}

fn mixture() -> GaussianMixture {
    let means = [[-1.5, 0.0], [1.5, 0.5]].map(|m| Array1::from(m.to_vec()));
    GaussianMixture::new(&[0.5, 0.5], &means, &vec![arr2(&[[0.1, 0.0], [0.0, 0.1]]); 2]).unwrap()
}

fn streams(replicate: u64) -> TrainStreams {
    let stream = |purpose| Stream::new(7, replicate, purpose);
    TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") }
}

fn network(hidden: &[usize]) -> Network {
    let options = NetworkOptions { hidden: Some(hidden.to_vec()), ..NetworkOptions::default() };
    Network::new(2, 100, &options, &Stream::new(7, 0, "init"), &Device::Cpu).unwrap()
}

fn options() -> TrainOptions {
    TrainOptions { iterations: Some(200), batch_size: 64, decay: Decay::Cosine, ..TrainOptions::default() }
}

fn data() -> Array2<f64> {
    mixture().sample(1000, &Stream::new(7, 0, "data"))
}

fn job(options: TrainOptions) -> TrainingJob {
    TrainingJob::new(data(), &schedule(), network(&[16, 16]), options, streams(0)).unwrap()
}

fn trainer(options: TrainOptions) -> Alone {
    Alone::new(job(options), Auto)
}

/// A training that goes on from a checkpoint.
fn resumed(options: TrainOptions, checkpoint: &[u8]) -> Alone {
    let mut job = job(options);
    job.resume(checkpoint).unwrap();
    Alone::new(job, Auto)
}

fn run(trainer: &mut Alone, iterations: usize) -> Vec<LossTerms> {
    (0..iterations).map(|_| trainer.step().unwrap()).collect()
}

fn weights(network: &Network) -> Vec<f32> {
    network.parameters().flat().unwrap().to_vec1().unwrap()
}

fn with_isotropy(lambda: f64, form: IsotropyForm) -> TrainOptions {
    TrainOptions { isotropy: Some(IsotropyLoss { lambda, form, ..IsotropyLoss::SIMPLE }), ..options() }
}

#[test]
fn training_brings_the_excess_over_the_exact_denoiser_down() {
    let exact = MixtureDenoiser::new(&mixture(), &schedule()).unwrap();
    let data = mixture().sample(4000, &Stream::new(7, 0, "data"));
    let options = TrainOptions { iterations: Some(3000), batch_size: 256, learning_rate: 3e-3, ..options() };
    let job = TrainingJob::new(data, &schedule(), network(&[16, 32, 64]), options, streams(0)).unwrap();
    let mut trainer = Alone::new(job, Auto);
    let mut excess = Vec::new();
    for i in 0..3000 {
        let terms = trainer.step().unwrap();
        if i % 10 == 0 {
            let batch = trainer.last_batch();
            let best = exact.predict_noise_each(batch.x_t.view(), &batch.t).unwrap();
            let optimal = (&batch.eps - &best).mapv(|e| e * e).mean().unwrap();
            excess.push(terms.mse - optimal);
        }
    }
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let (first, last) = (mean(&excess[..3]), mean(&excess[250..]));
    assert!(first > 0.4 && last < 0.05 && last > -0.01, "from {first} to {last}");
}

#[test]
fn batches_hold_every_point_once_an_epoch() {
    let data = Array2::from_shape_fn((10, 1), |(i, _)| i as f64);
    // A single step that leaves x almost as it was.
    let schedule = Schedule::from_betas(vec![1e-12]).unwrap();
    let mut batches = gdiff::diffusion::train::batch::Batches::new(data, &schedule, 4, streams(0)).unwrap();
    assert_eq!(batches.per_epoch(), 3);
    let mut orders = HashSet::new();
    for epoch in 0..5 {
        let mut seen = Vec::new();
        for (place, size) in [(0, 4), (1, 4), (2, 2)] {
            let batch = batches.get(3 * epoch + place);
            assert_eq!((batch.x_t.nrows(), batch.t.len(), batch.eps.dim()), (size, size, (size, 1)));
            seen.extend(batch.x_t.iter().map(|v| v.round() as usize));
        }
        orders.insert(seen.clone());
        seen.sort_unstable();
        assert_eq!(seen, (0..10).collect::<Vec<_>>());
    }
    assert_eq!(orders.len(), 5);
    // In any order of asking.
    let late = batches.get(14);
    batches.get(0);
    assert_eq!(batches.get(14), late);
}

#[test]
fn batches_do_not_depend_on_network_or_loss_and_steps_cover_all_of_them() {
    let mut plain = trainer(options());
    let options = with_isotropy(0.3, IsotropyForm::Batch);
    let other = TrainingJob::new(data(), &schedule(), network(&[8]), options, streams(0)).unwrap();
    let mut other = Alone::new(other, Auto);
    let mut steps = HashSet::new();
    for _ in 0..40 {
        plain.step().unwrap();
        other.step().unwrap();
        assert_eq!(plain.last_batch(), other.last_batch());
        steps.extend(plain.last_batch().t.iter().copied());
    }
    assert_eq!(steps, (1..=100).collect());
}

#[test]
fn lambda_zero_is_bit_for_bit_the_simple_loss() {
    let mut plain = trainer(options());
    let losses = run(&mut plain, 30);
    for form in [IsotropyForm::Batch, IsotropyForm::PerSample] {
        let mut zero = trainer(with_isotropy(0.0, form));
        for (a, b) in losses.iter().zip(run(&mut zero, 30)) {
            assert_eq!((a.loss, a.mse), (b.loss, b.mse));
            assert!(b.isotropy > 0.0 && (form == IsotropyForm::PerSample || a.isotropy == b.isotropy));
        }
        assert_eq!(weights(plain.network()), weights(zero.network()));
        let mut some = trainer(with_isotropy(0.1, form));
        let terms = run(&mut some, 30);
        assert_ne!(weights(plain.network()), weights(some.network()));
        assert!(terms.iter().all(|t| (t.loss - t.mse - 0.1 * t.isotropy).abs() < 1e-6));
    }
}

/// Options that use everything a checkpoint holds.
fn rich_options() -> Vec<TrainOptions> {
    [OptimizerKind::Adam, OptimizerKind::AdamW, OptimizerKind::Sgd]
        .into_iter()
        .map(|kind| TrainOptions {
            optimizer: kind,
            ema: 0.99,
            clip_norm: 0.5,
            ..with_isotropy(0.1, IsotropyForm::PerSample)
        })
        .chain([options()])
        .collect()
}

#[test]
fn going_on_from_a_checkpoint_gives_the_same_bits_as_never_having_stopped() {
    for options in rich_options() {
        let mut whole = trainer(options);
        let losses = run(&mut whole, 50);
        let mut first = trainer(options);
        run(&mut first, 23);
        let bytes = first.checkpoint();
        assert_eq!(bytes, first.checkpoint());
        let mut second = resumed(options, &bytes);
        assert_eq!(second.iteration(), 23);
        assert_eq!(run(&mut second, 27), losses[23..]);
        assert_eq!(second.checkpoint(), whole.checkpoint());
        assert_eq!(weights(&second.into_network()), weights(&whole.into_network()));
    }
}

#[test]
fn damaged_or_foreign_checkpoints_are_refused_and_change_nothing() {
    let mut source = trainer(options());
    run(&mut source, 3);
    let bytes = source.checkpoint();
    let mut source = trainer(options());
    run(&mut source, 5);
    let before = source.checkpoint();
    let mut target = job(options());
    target.resume(&before).unwrap();
    let mut rng = Stream::new(1, 0, "damage").at(0);
    for _ in 0..200 {
        let mut bad = bytes.clone();
        let at = rng.random_range(0..bad.len());
        if rng.random::<bool>() {
            bad[at] ^= 1 << rng.random_range(0..8)
        } else {
            bad.truncate(at)
        }
        assert!(matches!(target.resume(&bad), Err(DiffusionError::Saved(_))));
    }
    let average = TrainOptions { ema: 0.9, ..options() };
    assert!(job(average).resume(&bytes).unwrap_err().to_string().contains("average"));
    assert!(target.resume(&trainer(average).checkpoint()).is_err());
    let mut wider = TrainingJob::new(data(), &schedule(), network(&[17, 16]), options(), streams(0)).unwrap();
    assert!(wider.resume(&bytes).unwrap_err().to_string().contains("shape"));
    assert_eq!(target.iteration(), 5);
    assert_eq!(Alone::new(target, Auto).checkpoint(), before);
}

#[test]
fn results_do_not_depend_on_the_number_of_threads() {
    let with_threads = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut trainer = trainer(TrainOptions { batch_size: 256, ..options() });
            let losses = run(&mut trainer, 20);
            let denoiser = NetworkDenoiser::new(trainer.into_network(), 1.0).unwrap();
            let x = Stream::new(1, 0, "x").standard_normal(0, 5000, 2);
            (losses, denoiser.predict_noise(x.view(), 50).unwrap())
        })
    };
    let one = with_threads(1);
    assert_eq!(one, with_threads(2));
    assert_eq!(one, with_threads(3));
}

#[test]
fn the_average_is_the_weighted_sum_of_the_past() {
    let options = TrainOptions { ema: 0.8, ..options() };
    let mut trainer = trainer(options);
    let mut expected: Vec<f64> = weights(trainer.network()).iter().map(|w| f64::from(*w)).collect();
    for i in 1..=40 {
        trainer.step().unwrap();
        let keep = average::keep(0.8, i);
        for (e, w) in expected.iter_mut().zip(weights(trainer.network())) {
            *e = keep * *e + (1.0 - keep) * f64::from(w);
        }
    }
    let newest = weights(trainer.network());
    let ours = weights(&trainer.into_network());
    assert_ne!(ours, newest);
    assert!(ours.iter().zip(&expected).all(|(o, e)| (f64::from(*o) - e).abs() < 1e-5));
    assert_eq!(average::keep(0.999, 1), 2.0 / 11.0);
    assert_eq!(average::keep(0.999, 1_000_000), 0.999);
}

#[test]
fn clipping_that_never_binds_changes_nothing_and_one_that_does_bounds_the_step() {
    let mut plain = trainer(options());
    let mut loose = trainer(TrainOptions { clip_norm: 1e6, ..options() });
    assert_eq!(run(&mut plain, 20), run(&mut loose, 20));
    assert_eq!(weights(plain.network()), weights(loose.network()));
    let options = TrainOptions {
        clip_norm: 1e-3,
        optimizer: OptimizerKind::Sgd,
        momentum: Some(0.0),
        learning_rate: 1.0,
        decay: Decay::None,
        ..options()
    };
    let mut tight = trainer(options);
    let before = weights(tight.network());
    tight.step().unwrap();
    let moved: f64 = before
        .iter()
        .zip(weights(tight.network()))
        .map(|(a, b)| f64::from(a - b).powi(2))
        .sum::<f64>()
        .sqrt();
    assert!((moved - 1e-3).abs() < 1e-5, "{moved}");
}

#[test]
fn a_training_that_diverges_says_where_and_what_to_try() {
    let options = TrainOptions { learning_rate: 1e12, optimizer: OptimizerKind::Sgd, ..options() };
    let mut trainer = trainer(options);
    let error = (0..200).find_map(|_| trainer.step().err()).expect("it must diverge");
    let at = trainer.iteration();
    let message = error.to_string();
    assert!(message.contains(&format!("iteration {at}")), "{message}");
    assert!(message.contains("learning_rate") && message.contains("clip_norm"), "{message}");
}

#[test]
fn training_that_makes_no_sense_is_refused_in_words() {
    let refused = |data: Array2<f64>, options: TrainOptions| {
        TrainingJob::new(data, &schedule(), network(&[4]), options, streams(0)).unwrap_err().to_string()
    };
    let nan = f64::NAN;
    for (options, word) in [
        (TrainOptions { learning_rate: 0.0, ..options() }, "learning_rate"),
        (TrainOptions { learning_rate: nan, ..options() }, "learning_rate"),
        (TrainOptions { ema: 1.0, ..options() }, "ema"),
        (TrainOptions { clip_norm: -1.0, ..options() }, "clip_norm"),
        (TrainOptions { batch_size: 0, ..options() }, "batch_size"),
        (TrainOptions { log_every: 0, ..options() }, "`log_every` is 0"),
        (TrainOptions { epochs: Some(1), ..options() }, "`iterations` cannot be given beside `epochs`"),
        (TrainOptions { iterations: Some(0), ..options() }, "`iterations` is 0"),
        (TrainOptions { weight_decay: Some(-0.1), ..options() }, "`weight_decay` is -0.1"),
        (TrainOptions { momentum: Some(1.0), ..options() }, "`momentum` is 1"),
        (TrainOptions { beta1: Some(1.0), ..options() }, "`beta1` is 1"),
        (TrainOptions { beta2: Some(nan), ..options() }, "`beta2` is NaN"),
        (TrainOptions { epsilon: Some(0.0), ..options() }, "`epsilon` is 0"),
        (with_isotropy(-0.1, IsotropyForm::Batch), "`isotropy.lambda` is -0.1"),
        (with_isotropy(nan, IsotropyForm::Batch), "lambda"),
    ] {
        let message = refused(data(), options);
        assert!(message.contains(word), "{message}");
    }
    assert!(refused(Array2::zeros((0, 2)), options()).contains("no points"));
    assert!(refused(Array2::zeros((5, 3)), options()).contains("3 dimensions"));
    assert!(refused(arr2(&[[0.0, nan]]), options()).contains("NaN"));
    let short = Schedule::from_betas(vec![0.1; 50]).unwrap();
    assert!(TrainingJob::new(data(), &short, network(&[4]), options(), streams(0)).is_err());
}

#[test]
fn a_batch_larger_than_the_data_is_all_of_them() {
    let options = TrainOptions { batch_size: 5000, ..options() };
    assert_eq!(job(options).iterations_per_epoch(), 1);
    let mut trainer = trainer(options);
    trainer.step().unwrap();
    assert_eq!(trainer.last_batch().x_t.nrows(), 1000);
}

#[test]
fn single_precision_follows_double_precision() {
    let options = options();
    let mut single = trainer(options);
    let f32_network = single.network();
    let double = Network::with_dtype(
        (2, Outputs::Noise),
        100,
        f32_network.options(),
        &Stream::new(7, 0, "init"),
        &Device::Cpu,
        DType::F64,
    )
    .unwrap();
    let start: Vec<f64> = weights(f32_network).iter().map(|w| f64::from(*w)).collect();
    double.parameters().assign(&Tensor::new(start, &Device::Cpu).unwrap()).unwrap();
    let double = TrainingJob::new(data(), &schedule(), double, options, streams(0)).unwrap();
    let mut double = Alone::new(double, Auto);
    for (a, b) in run(&mut single, 50).iter().zip(run(&mut double, 50)) {
        assert!((a.loss - b.loss).abs() < 1e-4 * b.loss, "{a:?} {b:?}");
    }
}

#[test]
fn constants_of_the_optimizer_that_are_left_out_are_pytorchs_and_not_written() {
    for (kind, weight_decay) in OptimizerKind::ALL.into_iter().zip([0.0, 0.01, 0.0]) {
        let options = TrainOptions { optimizer: kind, ..TrainOptions::default() };
        let usual = options.optimizer();
        assert_eq!((usual.kind, usual.weight_decay, usual.momentum), (kind, weight_decay, 0.9));
        assert_eq!((usual.beta1, usual.beta2, usual.epsilon), (0.9, 0.999, 1e-8));
        let written = toml::to_string(&options).unwrap();
        for key in ["weight_decay", "momentum", "beta", "epsilon"] {
            assert!(!written.contains(key), "{written}");
        }
        let given = TrainOptions { weight_decay: Some(0.3), beta1: Some(0.5), ..options };
        assert_eq!((given.optimizer().weight_decay, given.optimizer().beta1), (0.3, 0.5));
        assert_eq!(toml::from_str::<TrainOptions>(&toml::to_string(&given).unwrap()).unwrap(), given);
    }
}
