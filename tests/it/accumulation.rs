//! `train.accumulate` and `train.warmup`: what an iteration of several batches is, and how the learning rate rises.

use candle_core::{DType, Device, Tensor};
use gdiff::diffusion::{
    BackendChoice::{self, Auto, Candle},
    Batch, Decay, DiffusionError, IsotropyForm, IsotropyLoss, LossTerms, Network, NetworkKind,
    NetworkOptions, OptimizerKind, Outputs, Schedule, TrainOptions, TrainStreams, Training, TrainingJob,
};
use gdiff::numeric::random::Stream;
use ndarray::s;

use crate::common::{TINY, gdiff, spec, text};

const STEPS: usize = 12;

/// Points to train on: batches of 32 leave an epoch's last one with 10.
const POINTS: usize = 74;

fn stream(purpose: &str) -> Stream {
    Stream::new(11, 0, purpose)
}

fn dense() -> NetworkOptions {
    NetworkOptions { hidden: Some(vec![16, 24]), ..NetworkOptions::default() }
}

fn unet() -> NetworkOptions {
    NetworkOptions {
        kind: NetworkKind::Unet,
        image: Some([1, 6, 5]),
        channels: Some(4),
        multipliers: Some(vec![1, 2]),
        blocks: Some(1),
        groups: Some(2),
        ..NetworkOptions::default()
    }
}

/// A network of `outputs` whose parameters are all random, those that start at 0 too.
fn network(options: &NetworkOptions, outputs: Outputs, dtype: DType) -> Network {
    let dim = options.image.map_or(3, |image| image.iter().product());
    let network =
        Network::with_dtype((dim, outputs), STEPS, options, &stream("init"), &Device::Cpu, dtype).unwrap();
    let start = network.parameters().flat().unwrap();
    let noise = stream("parameters").standard_normal(0, start.elem_count(), 1).into_raw_vec_and_offset().0;
    let noise = Tensor::from_vec(noise, start.elem_count(), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    network.parameters().assign(&(start + noise.affine(0.1, 0.0).unwrap()).unwrap()).unwrap();
    network
}

/// A kind of training: its network, outputs and precision, and what does it.
#[derive(Clone)]
struct Kind {
    network: NetworkOptions,
    outputs: Outputs,
    dtype: DType,
    backend: BackendChoice,
    /// How far parameters may be apart by rounding.
    rounding: f64,
}

fn kinds() -> Vec<Kind> {
    let kind =
        |network, outputs, dtype, backend, rounding| Kind { network, outputs, dtype, backend, rounding };
    vec![
        kind(dense(), Outputs::Noise, DType::F32, Auto, 2e-6),
        kind(dense(), Outputs::NoiseAndVariance, DType::F32, Auto, 2e-6),
        kind(unet(), Outputs::Noise, DType::F32, Auto, 5e-6),
        kind(unet(), Outputs::NoiseAndVariance, DType::F32, Auto, 5e-6),
        kind(dense(), Outputs::NoiseAndVariance, DType::F64, Candle, 1e-13),
        kind(unet(), Outputs::Noise, DType::F64, Candle, 1e-12),
    ]
}

impl Kind {
    fn job(&self, options: TrainOptions) -> TrainingJob {
        self.job_of_seed(options, 0)
    }

    fn job_of_seed(&self, options: TrainOptions, seed: u64) -> TrainingJob {
        let network = network(&self.network, self.outputs, self.dtype);
        let data = stream("data").standard_normal(seed, POINTS, network.dim());
        let schedule = Schedule::from_betas(vec![0.05; STEPS]).unwrap();
        let of = |purpose| Stream::new(11, seed, purpose);
        let streams = TrainStreams { shuffle: of("shuffle"), timestep: of("timestep"), noise: of("noise") };
        TrainingJob::new(data, &schedule, network, options, streams).unwrap()
    }

    fn training(&self, options: TrainOptions) -> Training {
        Training::new(vec![self.job(options)], self.backend).unwrap()
    }
}

/// Plain steps of size 1: what is subtracted is the gradient.
fn plain_steps() -> TrainOptions {
    TrainOptions {
        optimizer: OptimizerKind::Sgd,
        momentum: Some(0.0),
        learning_rate: 1.0,
        batch_size: 64,
        iterations: Some(40),
        ..TrainOptions::default()
    }
}

/// What a checkpoint holds all of, with a learning rate that rises and falls.
fn everything() -> TrainOptions {
    TrainOptions {
        batch_size: 32,
        iterations: Some(40),
        ema: 0.9,
        clip_norm: 0.5,
        decay: Decay::Cosine,
        warmup: 4,
        accumulate: 3,
        epsilon: Some(1e-3),
        ..TrainOptions::default()
    }
}

fn step(training: &mut Training) -> LossTerms {
    training.step().unwrap().remove(0).unwrap()
}

fn step_on(training: &mut Training, batches: Vec<Batch>) -> LossTerms {
    training.step_on(batches).unwrap().remove(0).unwrap()
}

fn parameters(training: &Training) -> Vec<f64> {
    let flat = training.network(0).unwrap().parameters().flat().unwrap();
    flat.to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

fn farthest(a: &[f64], b: &[f64]) -> f64 {
    assert_eq!(a.len(), b.len());
    a.iter().zip(b).map(|(a, b)| (a - b).abs()).fold(0.0, |m: f64, v| if v <= m { m } else { v })
}

/// A batch cut in two, the first of `first` points.
fn halves(batch: &Batch, first: usize) -> Vec<Batch> {
    let part = |rows: std::ops::Range<usize>| Batch {
        x_t: batch.x_t.slice(s![rows.clone(), ..]).to_owned(),
        t: batch.t[rows.clone()].to_vec(),
        eps: batch.eps.slice(s![rows, ..]).to_owned(),
        dropout: None,
    };
    vec![part(0..first), part(first..batch.t.len())]
}

/// A batch of 64 points, noise and steps, that a training of this kind can take.
fn batch(kind: &Kind) -> Batch {
    let mut training = kind.training(plain_steps());
    step(&mut training);
    Batch { dropout: None, ..training.last_batch(0).clone() }
}

#[test]
fn the_gradients_of_two_batches_are_that_of_their_points_in_one_batch() {
    for kind in kinds() {
        let batch = batch(&kind);
        // Per point, the isotropy term is a mean over points as well.
        let per_sample = IsotropyLoss { form: IsotropyForm::PerSample, ..IsotropyLoss::default() };
        for isotropy in [None, Some(per_sample)] {
            let plain = TrainOptions { isotropy, ..plain_steps() };
            let adam = TrainOptions { batch_size: 64, accumulate: 1, isotropy, ..everything() };
            for options in [plain, adam] {
                for first in [32, 41] {
                    let mut whole = kind.training(options);
                    let mut halved = kind.training(TrainOptions { accumulate: 2, batch_size: 32, ..options });
                    let start = parameters(&whole);
                    for i in 1..=3 {
                        let a = step_on(&mut whole, vec![batch.clone()]);
                        let b = step_on(&mut halved, halves(&batch, first));
                        assert!((a.loss - b.loss).abs() <= 1e-5 * a.loss.abs(), "{a:?} {b:?}");
                        assert!((a.mse - b.mse).abs() <= 1e-6 * a.mse, "{a:?} {b:?}");
                        let bounds = (a.bound.unwrap_or(0.0), b.bound.unwrap_or(0.0));
                        assert!((bounds.0 - bounds.1).abs() <= 1e-5 * bounds.0.abs(), "{a:?} {b:?}");
                        let (one, two) = (parameters(&whole), parameters(&halved));
                        let (moved, apart) = (farthest(&one, &start), farthest(&one, &two));
                        assert!(moved > 1e-4, "{moved}");
                        assert!(
                            apart <= kind.rounding * moved.max(1.0) * i as f64,
                            "{apart} of {moved} after {i} iterations of {options:?}"
                        );
                        assert_eq!(halved.iteration(), i);
                    }
                    let ends = [whole, halved].map(|t| t.into_networks().unwrap().remove(0).unwrap());
                    let ends = ends.map(|network| {
                        let flat = network.parameters().flat().unwrap().to_dtype(DType::F64).unwrap();
                        flat.to_vec1::<f64>().unwrap()
                    });
                    let moved = farthest(&ends[0], &start).max(1.0);
                    assert!(farthest(&ends[0], &ends[1]) <= 3.0 * kind.rounding * moved);
                }
            }
        }
    }
}

#[test]
fn each_batch_has_an_isotropy_term_of_its_own() {
    for kind in kinds().into_iter().filter(|kind| kind.outputs == Outputs::Noise) {
        let loss = IsotropyLoss { lambda: 10.0, ..IsotropyLoss::default() };
        let options = TrainOptions { isotropy: Some(loss), ..plain_steps() };
        // Batches that differ: the points of the second are three times as far from 0.
        let mut batch = batch(&kind);
        batch.x_t.slice_mut(s![32.., ..]).mapv_inplace(|v| 3.0 * v);
        let gradient = |options: TrainOptions, batches: Vec<Batch>| {
            let mut training = kind.training(options);
            let start = parameters(&training);
            let terms = step_on(&mut training, batches);
            let moved = parameters(&training);
            (terms, start.iter().zip(moved).map(|(a, b)| a - b).collect::<Vec<_>>())
        };
        let (whole, of_whole) = gradient(options, vec![batch.clone()]);
        let parts = halves(&batch, 32);
        let each = [0, 1].map(|i| gradient(options, vec![parts[i].clone()]));
        let (sum, of_sum) = gradient(TrainOptions { accumulate: 2, ..options }, parts);
        let mean = |value: fn(&LossTerms) -> f64| 0.5 * (value(&each[0].0) + value(&each[1].0));
        for value in [|t: &LossTerms| t.loss, |t: &LossTerms| t.mse, |t: &LossTerms| t.isotropy] {
            assert!((value(&sum) - mean(value)).abs() <= 1e-12, "{sum:?}");
        }
        let of_each: Vec<f64> = each[0].1.iter().zip(&each[1].1).map(|(a, b)| 0.5 * (a + b)).collect();
        let largest = of_sum.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        assert!(farthest(&of_sum, &of_each) <= kind.rounding * largest.max(1.0));
        // The mean of (q - 1)^2 over batches exceeds that of the mean q by the variance of q between them.
        let q = |i: usize, sign: f64| 1.0 + sign * each[i].0.isotropy.sqrt();
        let signs = [1.0, -1.0];
        let pairs = signs.iter().flat_map(|a| signs.iter().map(move |b| (q(0, *a), q(1, *b))));
        let excess = sum.isotropy - whole.isotropy;
        assert!(excess > 1e-6, "{excess}");
        let found = pairs.map(|(a, b)| (0.25 * (a - b).powi(2) - excess).abs()).fold(f64::MAX, f64::min);
        assert!(found <= 1e-6 * whole.isotropy.max(1.0), "{found} of {excess}");
        let apart = farthest(&of_sum, &of_whole);
        assert!(apart > 5.0 * kind.rounding * largest.max(1.0), "{apart} of {largest}");
    }
}

#[test]
fn iterations_take_the_batches_of_one_sequence_in_turn() {
    for kind in kinds() {
        let options = TrainOptions { accumulate: 1, batch_size: 32, learning_rate: 1e-9, ..plain_steps() };
        let mut single = kind.training(options);
        let mut several = kind.training(TrainOptions { accumulate: 4, ..options });
        for _ in 0..3 {
            let terms = step(&mut several);
            let (mut points, mut loss) = (0, 0.0);
            let mut x_t = Vec::new();
            for _ in 0..4 {
                let loss_of_one = step(&mut single).loss;
                let batch = single.last_batch(0);
                points += batch.t.len();
                loss += batch.t.len() as f64 * loss_of_one;
                x_t.extend(batch.x_t.iter().copied());
            }
            let all = several.last_batch(0);
            assert_eq!((all.x_t.len(), all.t.len()), (x_t.len(), points));
            assert!(all.x_t.iter().eq(&x_t), "the points of an iteration are those of its batches");
            assert!((terms.loss - loss / points as f64).abs() <= 1e-5 * terms.loss, "{terms:?}");
        }
        assert_eq!((single.iteration(), several.iteration()), (12, 3));
    }
    // 74 points are 3 batches of 32, 32 and 10; 5 epochs of them 15 batches.
    let epochs =
        TrainOptions { epochs: Some(5), iterations: None, batch_size: 32, ..TrainOptions::default() };
    for (accumulate, per_epoch, all) in [(1, 3, 15), (2, 2, 8), (3, 1, 5), (4, 1, 4), (100, 1, 1)] {
        let job = kinds()[0].job(TrainOptions { accumulate, ..epochs });
        assert_eq!((job.iterations_per_epoch(), job.total_iterations()), (per_epoch, all), "{accumulate}");
    }
}

#[test]
fn accumulated_trainings_are_the_same_bits_for_any_number_of_threads_and_after_a_checkpoint() {
    for kind in kinds() {
        let isotropy = Some(IsotropyLoss::default());
        let options = TrainOptions { isotropy, ..everything() };
        let dropout = match kind.network.kind {
            NetworkKind::Unet => Some(0.2),
            NetworkKind::Mlp => None,
        };
        let kind = Kind { network: NetworkOptions { dropout, ..kind.network.clone() }, ..kind };
        let run = |threads: usize, stop: usize| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut training = kind.training(options);
                let mut losses: Vec<LossTerms> = (0..stop).map(|_| step(&mut training)).collect();
                let mut job = kind.job(options);
                job.resume(&training.checkpoint(0).unwrap()).unwrap();
                let mut training = Training::new(vec![job], kind.backend).unwrap();
                losses.extend((stop..6).map(|_| step(&mut training)));
                (losses, training.checkpoint(0).unwrap())
            })
        };
        let whole = run(1, 0);
        for (threads, stop) in [(2, 0), (3, 3), (1, 5)] {
            assert!(run(threads, stop) == whole, "{threads} threads, stopped after {stop} iterations");
        }
    }
}

#[test]
fn wide_trainings_add_up_on_several_threads_to_the_bits_of_one() {
    // Large enough for the dense path to share its work among threads.
    let network = NetworkOptions { hidden: Some(vec![256, 512]), ..NetworkOptions::default() };
    let kind = Kind { network, ..kinds()[0].clone() };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut training = kind.training(everything());
            for _ in 0..4 {
                step(&mut training);
            }
            training.checkpoint(0).unwrap()
        })
    };
    assert!(run(1) == run(3));
}

#[test]
fn the_fused_path_accumulates_and_warms_up_as_the_graph_does() {
    for kind in kinds().into_iter().filter(|kind| kind.backend == Auto) {
        let options = TrainOptions { isotropy: Some(IsotropyLoss::default()), ..everything() };
        let mut fused = kind.training(options);
        let mut graph = Training::new(vec![kind.job(options)], Candle).unwrap();
        for i in 0..6 {
            let (a, b) = (step(&mut fused), step(&mut graph));
            assert!((a.loss - b.loss).abs() <= 2e-4 * b.loss.abs().max(1.0), "iteration {i}: {a:?} {b:?}");
            let far = farthest(&parameters(&fused), &parameters(&graph));
            assert!(far <= 1e-4, "iteration {i}: {far}");
        }
    }
}

#[test]
fn trainings_in_lockstep_accumulate_as_each_does_alone_and_survive_one_that_fails() {
    for backend in [Auto, Candle] {
        let kind = Kind { backend, ..kinds()[0].clone() };
        let options = TrainOptions { accumulate: 2, ..everything() };
        let alone = |seed: u64| {
            let mut training = Training::new(vec![kind.job_of_seed(options, seed)], backend).unwrap();
            let terms: Vec<f64> = (0..4).map(|_| step(&mut training).loss).collect();
            (terms, parameters(&training))
        };
        let jobs = vec![kind.job_of_seed(options, 0), kind.job_of_seed(options, 1)];
        let mut both = Training::new(jobs, backend).unwrap();
        let mut losses = [Vec::new(), Vec::new()];
        for _ in 0..4 {
            let terms = both.step().unwrap();
            losses.iter_mut().zip(terms).for_each(|(losses, terms)| losses.push(terms.unwrap().loss));
        }
        for (member, losses) in losses.iter().enumerate() {
            let (expected, ends) = alone(member as u64);
            let flat = both.network(member).unwrap().parameters().flat().unwrap();
            let own: Vec<f64> = flat.to_dtype(DType::F64).unwrap().to_vec1().unwrap();
            assert!(farthest(losses, &expected) <= 1e-5 && farthest(&own, &ends) <= 1e-5);
            assert!(backend == Candle || (*losses == expected && own == ends));
        }
        // The second batch of the first training is no number.
        let good = halves(both.last_batch(0), 32);
        let mut batches = vec![good[0].clone(), good[0].clone(), good[0].clone(), good[0].clone()];
        batches[2].eps.fill(f64::INFINITY);
        let terms = both.step_on(batches.clone()).unwrap();
        assert!(matches!(terms[0], Err(DiffusionError::Diverged { iteration: 4, .. })), "{:?}", terms[0]);
        assert!(terms[1].as_ref().is_ok_and(|terms| terms.loss.is_finite()));
        assert_eq!(both.iteration(), 5);
        assert!(both.trained_network(1).is_ok());
        // Of one training alone nothing has changed, and its next iteration begins anew.
        let mut one = Training::new(vec![kind.job_of_seed(options, 1)], backend).unwrap();
        let mut other = Training::new(vec![kind.job_of_seed(options, 1)], backend).unwrap();
        let bad = vec![good[0].clone(), batches[2].clone()];
        assert!(one.step_on(bad).unwrap()[0].is_err());
        assert_eq!((one.iteration(), parameters(&one)), (0, parameters(&other)));
        assert_eq!(step(&mut one), step(&mut other));
        assert_eq!(parameters(&one), parameters(&other));
        assert!(one.step_on(good[..1].to_vec()).unwrap_err().to_string().contains("each with 2"));
    }
}

#[test]
fn the_learning_rate_rises_in_a_line_and_then_falls() {
    let constant = TrainOptions { learning_rate: 0.5, warmup: 4, ..TrainOptions::default() };
    let rates = |options: TrainOptions| (0..10).map(|i| options.rate(i, 10)).collect::<Vec<f64>>();
    assert_eq!(rates(constant), [0.125, 0.25, 0.375, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5, 0.5]);
    let linear = TrainOptions { decay: Decay::Linear, ..constant };
    for (i, rate) in rates(linear).into_iter().enumerate() {
        let expected = 0.5 * ((i + 1) as f64 / 4.0).min(1.0) * (1.0 - i as f64 / 10.0);
        assert!((rate - expected).abs() < 1e-15, "{i}: {rate} {expected}");
    }
    let off = TrainOptions { warmup: 0, ..linear };
    assert!((0..10).all(|i| off.rate(i, 10) == 0.5 * Decay::Linear.factor(i, 10)));
    // The steps that the networks take are in proportion to it.
    for kind in kinds() {
        let batch = batch(&kind);
        let moved = |warmup: usize| {
            let mut training = kind.training(TrainOptions { warmup, learning_rate: 1e-3, ..plain_steps() });
            let start = parameters(&training);
            step_on(&mut training, vec![batch.clone()]);
            parameters(&training).iter().zip(start).map(|(a, b)| a - b).collect::<Vec<f64>>()
        };
        let (whole, eighth) = (moved(0), moved(8));
        let largest = whole.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        let times_8: Vec<f64> = eighth.iter().map(|v| 8.0 * v).collect();
        let rounding = if kind.dtype == DType::F64 { 1e-12 } else { 2e-6 };
        assert!(farthest(&times_8, &whole) <= rounding + 1e-6 * largest, "{largest}");
        assert!(largest > 1e-4, "{largest}");
    }
}

#[test]
fn a_spec_takes_both_and_without_them_nothing_changes() {
    let keys = |text: &str| {
        let study = gdiff::spec::read_text("spec", text, &[]).unwrap();
        assert_eq!(study.to_toml().unwrap().contains("accumulate"), text.contains("accumulate = 2"));
        study.points[0].runs.iter().map(|run| run.keys.as_ref().clone()).collect::<Vec<_>>()
    };
    let with = |lines: &str| TINY.replace("[train]", &format!("[train]\n{lines}"));
    assert_eq!(keys(&with("warmup = 0\naccumulate = 1")), keys(TINY));
    for lines in ["warmup = 1", "accumulate = 2"] {
        let (old, new) = (&keys(TINY)[0], &keys(&with(lines))[0]);
        assert!(old.data == new.data && old.space == new.space && old.training != new.training, "{lines}");
    }
    let folder = tempfile::tempdir().unwrap();
    spec(folder.path(), &with("warmup = 50\naccumulate = 2\nlog_every = 1"));
    let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
    let (shown, notes) =
        (String::from_utf8(output.stdout).unwrap(), String::from_utf8(output.stderr).unwrap());
    assert!(shown.contains("40 iterations of 2 batches of 64 points"), "{shown}");
    let words = "train.warmup is 50, more than the 40 iterations of the training: the learning rate only rises to 80 %";
    assert!(format!("{shown}{notes}").contains(words), "{shown}{notes}");
    let runs = ["--threads=1", "--threads=2"].map(|threads| {
        let out = format!("out{threads}");
        let mut run = gdiff(folder.path());
        run.args(["run", "spec.toml", "--quiet", threads, "--out", &out]).assert().success();
        ["loss.csv", "metrics.csv"].map(|table| text(folder.path().join(&out).join(table)))
    });
    assert_eq!(runs[0], runs[1]);
    // A row for each iteration, and not for each batch.
    let of_first_run = runs[0][0].lines().filter(|line| line.starts_with("baseline-r0")).count();
    assert_eq!(of_first_run, 40, "{}", runs[0][0]);
    for (lines, key) in [("accumulate = 0", "train.accumulate"), ("warmup = -1", "train.warmup")] {
        spec(folder.path(), &with(lines));
        let output = gdiff(folder.path()).args(["check", "spec.toml"]).output().unwrap();
        assert_eq!(output.status.code(), Some(2));
        assert!(String::from_utf8(output.stderr).unwrap().contains(key), "{lines}");
    }
}
