//! Trainings and networks that go in lockstep do what each does alone.

use crate::common::trainings::{Case, case, gap, optimizer, weights};
use gdiff::diffusion::{
    Activation,
    BackendChoice::{self, Auto, Candle},
    Conditioning, Denoiser, DiffusionError, IsotropyLoss, NetworkDenoiser, OptimizerKind, Outputs, Reduction,
    TimeEncoding, Training,
};
use gdiff::numeric::random::Stream;
use ndarray::{Axis, concatenate};

/// Three trainings that differ in seed, learning rate and lambda.
fn three(base: &Case) -> [Case; 3] {
    [(3, 1e-2, 0.0), (4, 3e-3, 0.3), (5, 1e-2, 0.05)].map(|(seed, learning_rate, lambda)| {
        let loss = IsotropyLoss { lambda, reduction: Reduction::Sum, ..IsotropyLoss::SIMPLE };
        Case { seed, learning_rate, loss, ..base.clone() }
    })
}

fn training(cases: &[Case], backend: BackendChoice) -> Training {
    Training::new(cases.iter().map(Case::job).collect(), backend).unwrap()
}

/// A case with everything that a training may have.
fn base(kind: OptimizerKind) -> Case {
    let mut base = case(Activation::Silu, TimeEncoding::ALL[0], Conditioning::ALL[0], &[16, 33]);
    (base.clip_norm, base.ema, base.optimizer) = (0.5, 0.9, optimizer(kind, 0.01));
    base
}

#[test]
fn trainings_in_one_program_agree_with_each_alone() {
    let mut cases: Vec<Case> = OptimizerKind::ALL.into_iter().map(base).collect();
    for time in TimeEncoding::ALL {
        for conditioning in Conditioning::ALL {
            cases.push(case(Activation::Relu, time, conditioning, &[9]));
        }
    }
    let learned = cases.iter().map(|case| Case { outputs: Outputs::NoiseAndVariance, ..case.clone() });
    cases.extend(learned.collect::<Vec<_>>());
    for base in &cases {
        let cases = three(base);
        let mut alone = cases.each_ref().map(|case| case.alone(Candle));
        let mut batched = training(&cases, Candle);
        for iteration in 0..6 {
            let together = batched.step().unwrap();
            for (alone, together) in alone.iter_mut().zip(together) {
                let (a, b) = (alone.step().unwrap(), together.unwrap());
                let bounds = (a.bound.unwrap_or(0.0), b.bound.unwrap_or(0.0));
                for (a, b) in [(a.loss, b.loss), (a.mse, b.mse), (a.isotropy, b.isotropy), bounds] {
                    assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{iteration}: {a} {b} of {base:?}");
                }
            }
            for (member, alone) in alone.iter().enumerate() {
                assert_eq!(alone.last_batch(), batched.last_batch(member));
            }
        }
        for (alone, together) in alone.into_iter().zip(batched.into_networks().unwrap()) {
            let far = gap(&weights(&alone.into_network()), &weights(&together.unwrap()));
            assert!(far <= 1e-4, "{far} of {base:?}");
        }
    }
}

#[test]
fn on_the_host_trainings_in_lockstep_are_the_same_bits_as_each_alone() {
    let cases = three(&base(OptimizerKind::Adam));
    let mut together = training(&cases, Auto);
    let mut alone = cases.each_ref().map(|case| case.alone(Auto));
    for _ in 0..6 {
        for (alone, together) in alone.iter_mut().zip(together.step().unwrap()) {
            assert_eq!(alone.step().unwrap(), together.unwrap());
        }
    }
    for (member, alone) in alone.iter().enumerate() {
        assert_eq!(alone.checkpoint(), together.checkpoint(member).unwrap());
    }
}

#[test]
fn trainings_in_lockstep_go_on_from_their_own_checkpoints() {
    let cases = three(&base(OptimizerKind::Adam));
    for backend in [Auto, Candle] {
        let mut whole = training(&cases, backend);
        (0..3).for_each(|_| assert!(whole.step().unwrap().iter().all(Result::is_ok)));
        let resumed = |member: usize| {
            let mut job = cases[member].job();
            job.resume(&whole.checkpoint(member).unwrap()).unwrap();
            job
        };
        let mut second = Training::new((0..cases.len()).map(resumed).collect(), backend).unwrap();
        let mixed = vec![cases[0].job(), resumed(1), cases[2].job()];
        let refused = Training::new(mixed, backend).unwrap_err().to_string();
        assert!(refused.contains("different numbers of iterations"), "{refused}");
        assert_eq!(second.iteration(), 3);
        for _ in 0..3 {
            let (a, b) = (whole.step().unwrap(), second.step().unwrap());
            a.into_iter().zip(b).for_each(|(a, b)| assert_eq!(a.unwrap(), b.unwrap()));
        }
        for member in 0..cases.len() {
            assert_eq!(whole.checkpoint(member).unwrap(), second.checkpoint(member).unwrap());
        }
    }
}

#[test]
fn one_that_diverges_leaves_the_others_as_they_are() {
    let mut cases = three(&case(Activation::Relu, TimeEncoding::ALL[0], Conditioning::ALL[0], &[9]));
    let mut good = training(&cases, Candle);
    cases[1].learning_rate = 1e30;
    let mut bad = training(&cases, Candle);
    for iteration in 0..4 {
        let (good, bad) = (good.step().unwrap(), bad.step().unwrap());
        for (index, (good, bad)) in good.into_iter().zip(bad).enumerate() {
            if index == 1 && iteration > 1 {
                assert!(matches!(bad, Err(DiffusionError::Diverged { .. })), "iteration {iteration}");
            } else if index != 1 {
                let (good, bad) = (good.unwrap().loss, bad.unwrap().loss);
                assert!((good - bad).abs() <= 1e-5 * good, "{good} {bad}");
            }
        }
    }
}

#[test]
fn trainings_that_are_not_alike_are_refused_by_every_backend() {
    let base = case(Activation::Relu, TimeEncoding::ALL[0], Conditioning::ALL[0], &[9]);
    for backend in [Auto, Candle] {
        let refused =
            |other: Case| Training::new(vec![base.job(), other.job()], backend).unwrap_err().to_string();
        let mut wide = base.clone();
        wide.network.hidden = Some(vec![10]);
        assert!(refused(wide).contains("different shapes"));
        assert!(refused(Case { batch: 36, ..base.clone() }).contains("different numbers of points"));
        assert!(refused(Case { ema: 0.5, ..base.clone() }).contains("more than learning rate and lambda"));
        let loss = IsotropyLoss { reduction: Reduction::Sum, ..base.loss };
        assert!(refused(Case { loss, ..base.clone() }).contains("more than learning rate and lambda"));
        assert!(Training::new(vec![], backend).unwrap_err().to_string().contains("no network"));
    }
}

#[test]
fn networks_asked_at_once_answer_as_each_alone() {
    for time in TimeEncoding::ALL {
        for conditioning in Conditioning::ALL {
            let cases = three(&case(Activation::Tanh, time, conditioning, &[9, 12]));
            let scales = [1.0, 1.3, 0.5];
            let fused: Vec<_> = cases
                .iter()
                .zip(scales)
                .map(|(case, scale)| NetworkDenoiser::new(case.network(), scale).unwrap())
                .collect();
            let all: Vec<&NetworkDenoiser> = fused.iter().collect();
            let together = NetworkDenoiser::joined(&all, Candle).unwrap();
            let apart = NetworkDenoiser::joined(&all, Auto).unwrap();
            let x = Stream::new(1, 0, "x").standard_normal(0, 3 * 50, 2);
            for t in [1, 20] {
                let alone: Vec<_> = x
                    .axis_chunks_iter(Axis(0), 50)
                    .zip(&fused)
                    .map(|(x, denoiser)| denoiser.predict_noise(x, t).unwrap())
                    .collect();
                let alone =
                    concatenate(Axis(0), &alone.iter().map(|a| a.view()).collect::<Vec<_>>()).unwrap();
                assert_eq!(alone, apart.predict_noise(x.view(), t).unwrap());
                let far = &alone - &together.predict_noise(x.view(), t).unwrap();
                assert!(far.iter().all(|v| v.abs() <= 1e-5), "{time:?} {conditioning:?}");
            }
            let error = together.predict_noise(x.slice(ndarray::s![..149, ..]), 1).unwrap_err();
            assert!(error.to_string().contains("149 points cannot be shared among 3 models"));
        }
    }
}
