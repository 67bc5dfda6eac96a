//! The fused path does what the candle graph does, up to rounding, and always the same bits.

use gdiff::diffusion::{
    Activation,
    BackendChoice::{Auto, Candle},
    Conditioning, Denoiser, DiffusionError, IsotropyForm, IsotropyLoss, NetworkDenoiser, NetworkOptions,
    OptimizerKind, Outputs, Reduction, ReverseStep, Schedule, TimeEncoding,
};
use gdiff::numeric::random::Stream;
use ndarray::Array2;
use proptest::prelude::*;

use crate::common::trainings::{Alone, Case, case, gap, optimizer, weights};

fn run(trainer: &mut Alone, iterations: usize) {
    (0..iterations).for_each(|_| assert!(trainer.step().is_ok()));
}

/// Runs both paths side by side and compares losses, parameters, averages and predictions.
fn agree(case: &Case) {
    let (mut fused, mut graph) = (case.alone(Auto), case.alone(Candle));
    for i in 0..7 {
        let (a, b) = (fused.step().unwrap(), graph.step().unwrap());
        assert_eq!(a.bound.is_some(), case.outputs == Outputs::NoiseAndVariance);
        let bounds = (a.bound.unwrap_or(0.0), b.bound.unwrap_or(0.0));
        for (a, b) in [(a.loss, b.loss), (a.mse, b.mse), (a.isotropy, b.isotropy), bounds] {
            assert!((a - b).abs() <= 2e-4 * b.abs().max(1.0), "iteration {i}: {a} {b} of {case:?}");
        }
        assert_eq!(fused.last_batch(), graph.last_batch());
        let far = gap(&weights(fused.network()), &weights(graph.network()));
        assert!(far <= 1e-4, "iteration {i}: {far} of {case:?}");
    }
    let network = fused.into_network();
    let far = gap(&weights(&network), &weights(&graph.into_network()));
    assert!(far <= 1e-4, "average: {far} of {case:?}");
    let x = Stream::new(case.seed, 0, "x").standard_normal(0, 2 * case.batch + 3, case.dim);
    let copy = case.network();
    copy.load_safetensors(&network.to_safetensors().unwrap()).unwrap();
    let (fused, graph) = (
        NetworkDenoiser::new(network, 1.3).unwrap(),
        NetworkDenoiser::with_backend(copy, 1.3, Candle).unwrap(),
    );
    for t in [1, case.steps.div_ceil(2), case.steps] {
        let (a, b) = (fused.predict_noise(x.view(), t).unwrap(), graph.predict_noise(x.view(), t).unwrap());
        let scale = b.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
        assert!((a - b).iter().all(|v| v.abs() <= 1e-5 * scale), "{case:?}");
    }
    if case.outputs == Outputs::NoiseAndVariance {
        let schedule = Schedule::from_betas(vec![0.05; case.steps]).unwrap();
        for t in [2, case.steps] {
            let step = ReverseStep::new(&schedule, t, 1);
            let a = fused.predict_with_variance(x.view(), &step).unwrap();
            let b = graph.predict_with_variance(x.view(), &step).unwrap();
            assert_eq!(a.0, fused.predict_noise(x.view(), t).unwrap(), "{case:?}");
            let far = (a.1.mapv(f64::ln) - b.1.mapv(f64::ln)).iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            assert!(far < 1e-4, "{far} of {case:?}");
        }
    }
}

#[test]
fn every_combination_agrees_with_the_graph() {
    for activation in Activation::ALL {
        for time in TimeEncoding::ALL {
            for conditioning in Conditioning::ALL {
                let plain = case(activation, time, conditioning, &[16, 33]);
                agree(&plain);
                agree(&Case { outputs: Outputs::NoiseAndVariance, ..plain });
            }
        }
    }
}

prop_compose! {
    fn any_case()(
        (dim, steps, batch, seed) in (1..7usize, 1..30usize, prop_oneof![Just(1usize), 2..90usize], 0..1000u64),
        learned in any::<bool>(),
        hidden in prop::collection::vec(1..70usize, 1..4),
        (activation, time, conditioning) in (0..4usize, 0..3usize, 0..3usize),
        time_dim in 1..12usize,
        (kind, weight_decay) in (0..3usize, prop_oneof![Just(0.0), Just(0.1)]),
        (lambda, form, reduction) in (prop::option::of(0.0..0.5f64), any::<bool>(), any::<bool>()),
        (clip_norm, ema) in (prop_oneof![Just(0.0), Just(0.1)], prop_oneof![Just(0.0), Just(0.9)]),
    ) -> Case {
        let form = if form { IsotropyForm::Batch } else { IsotropyForm::PerSample };
        Case {
            dim,
            // The range of a single step's variance is empty.
            outputs: if learned && steps > 1 { Outputs::NoiseAndVariance } else { Outputs::Noise },
            steps,
            network: NetworkOptions {
                hidden: Some(hidden),
                width: None,
                activation: Activation::ALL[activation],
                time: TimeEncoding::ALL[time],
                time_dim: 2 * time_dim,
                conditioning: Conditioning::ALL[conditioning],
                ..NetworkOptions::default()
            },
            batch,
            optimizer: optimizer(OptimizerKind::ALL[kind], weight_decay),
            loss: IsotropyLoss {
                lambda: lambda.unwrap_or(0.0),
                form,
                reduction: if reduction { Reduction::Mean } else { Reduction::Sum },
                control: false,
            },
            clip_norm,
            ema,
            learning_rate: 1e-2,
            seed,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_network_loss_and_optimizer_agrees_with_the_graph(case in any_case()) {
        agree(&case);
    }
}

#[test]
fn training_and_prediction_are_the_same_bits_for_any_number_of_threads() {
    for (time, conditioning, outputs) in [
        (TimeEncoding::Sinusoidal, Conditioning::Concat, Outputs::Noise),
        (TimeEncoding::Learned, Conditioning::Concat, Outputs::Noise),
        (TimeEncoding::Learned, Conditioning::Add, Outputs::Noise),
        (TimeEncoding::Sinusoidal, Conditioning::Scale, Outputs::Noise),
        (TimeEncoding::Sinusoidal, Conditioning::Concat, Outputs::NoiseAndVariance),
        (TimeEncoding::Learned, Conditioning::Add, Outputs::NoiseAndVariance),
    ] {
        // Large enough that threads are used.
        let mut case = case(Activation::Silu, time, conditioning, &[128, 256]);
        (case.batch, case.clip_norm, case.ema, case.outputs) = (150, 0.3, 0.9, outputs);
        let results = [1, 2, 3, 7].map(|threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
            pool.install(|| {
                let mut trainer = case.alone(Auto);
                let losses: Vec<f64> = (0..5).map(|_| trainer.step().unwrap().loss).collect();
                let checkpoint = trainer.checkpoint();
                let denoiser = NetworkDenoiser::new(trainer.into_network(), 1.0).unwrap();
                let x = Stream::new(1, 0, "x").standard_normal(0, 3000, 2);
                let step = ReverseStep::new(&Schedule::from_betas(vec![0.05; 20]).unwrap(), 7, 3);
                let variance = match outputs {
                    Outputs::Noise => Array2::zeros((0, 0)),
                    Outputs::NoiseAndVariance => denoiser.predict_with_variance(x.view(), &step).unwrap().1,
                };
                (losses, checkpoint, denoiser.predict_noise(x.view(), 7).unwrap(), variance)
            })
        });
        for other in &results[1..] {
            assert!(results[0] == *other, "{time:?} {conditioning:?} {outputs:?}");
        }
    }
}

#[test]
fn a_checkpoint_of_either_path_continues_on_either() {
    for outputs in Outputs::ALL {
        continues_on_either(outputs);
    }
}

fn continues_on_either(outputs: Outputs) {
    let mut case = case(Activation::Relu, TimeEncoding::Learned, Conditioning::Add, &[24, 17]);
    (case.ema, case.outputs) = (0.9, outputs);
    let mut whole = case.alone(Auto);
    run(&mut whole, 4);
    let saved = whole.checkpoint();
    run(&mut whole, 3);
    let mut job = case.job();
    job.resume(&saved).unwrap();
    let mut second = Alone::new(job, Auto);
    assert_eq!(second.checkpoint(), saved);
    run(&mut second, 3);
    assert_eq!(second.checkpoint(), whole.checkpoint());
    let mut job = case.job();
    job.resume(&saved).unwrap();
    let mut graph = Alone::new(job, Candle);
    run(&mut graph, 3);
    let (fused, graph) = (weights(&second.into_network()), weights(&graph.into_network()));
    assert!(gap(&fused, &graph) <= 1e-5);
}

#[test]
fn a_batch_that_does_not_fit_is_refused_and_changes_nothing() {
    let case = case(Activation::Relu, TimeEncoding::Scalar, Conditioning::Concat, &[8]);
    let mut trainer = case.alone(Auto);
    trainer.step().unwrap();
    let (good, before) = (trainer.last_batch().clone(), trainer.checkpoint());
    let mut late = good.clone();
    late.t[3] = 21;
    assert!(matches!(trainer.step_on(late), Err(DiffusionError::Step { t: 21, steps: 20 })));
    let mut few = good.clone();
    few.t.pop();
    assert!(trainer.step_on(few).unwrap_err().to_string().contains("36 steps"));
    let mut wide = good.clone();
    wide.x_t = Array2::zeros((37, 3));
    assert!(matches!(trainer.step_on(wide), Err(DiffusionError::Dimension { expected: 2, found: 3 })));
    let mut infinite = good.clone();
    infinite.x_t[(0, 0)] = f64::INFINITY;
    assert!(matches!(trainer.step_on(infinite), Err(DiffusionError::Diverged { iteration: 1, .. })));
    assert_eq!(trainer.checkpoint(), before);
    trainer.step_on(good).unwrap();
}

#[test]
fn adam_with_next_to_no_epsilon_is_refused() {
    let mut case = case(Activation::Relu, TimeEncoding::Scalar, Conditioning::Concat, &[8]);
    case.optimizer.epsilon = 1e-13;
    let refused = case.options().check().unwrap_err().to_string();
    assert!(refused.contains("`epsilon` is 0.0000000000001"), "{refused}");
}
