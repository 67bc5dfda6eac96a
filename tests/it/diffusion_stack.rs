//! Trainings and networks side by side do what each does alone.

use crate::common::trainings::{CONDITIONINGS, Case, ENCODINGS, OPTIMIZERS, case, gap, optimizer, weights};
use gdiff::diffusion::{
    Activation, Denoiser, DenoiserStack, DiffusionError, Isotropy, IsotropyForm, LossOptions,
    NetworkDenoiser, OptimizerKind, Reduction, TrainerStack,
};
use gdiff::numeric::random::Stream;
use ndarray::{Axis, concatenate};

/// Three trainings that differ in seed, learning rate and lambda.
fn three(base: &Case) -> [Case; 3] {
    [(3, 1e-2, 0.0), (4, 3e-3, 0.3), (5, 1e-2, 0.05)].map(|(seed, learning_rate, lambda)| {
        let isotropy = Some(Isotropy { lambda, form: IsotropyForm::Batch });
        let loss = LossOptions { isotropy, reduction: Reduction::Sum };
        Case { seed, learning_rate, loss, ..base.clone() }
    })
}

/// A case with everything that a training may have.
fn base(kind: OptimizerKind) -> Case {
    let mut base = case(Activation::Silu, ENCODINGS[0], CONDITIONINGS[0], &[16, 33]);
    (base.clip_norm, base.ema, base.optimizer) = (0.5, 0.9, optimizer(kind, 0.01));
    base
}

#[test]
fn trainings_in_one_program_agree_with_each_alone() {
    let mut cases: Vec<Case> = OPTIMIZERS.into_iter().map(base).collect();
    for time in ENCODINGS {
        for conditioning in CONDITIONINGS {
            cases.push(case(Activation::Relu, time, conditioning, &[9]));
        }
    }
    for base in &cases {
        let cases = three(base);
        let mut alone = cases.each_ref().map(|case| case.trainer(false));
        let mut stack = TrainerStack::together(cases.iter().map(|c| c.trainer(false)).collect()).unwrap();
        for iteration in 0..6 {
            let together = stack.step().unwrap();
            for (alone, together) in alone.iter_mut().zip(together) {
                let (a, b) = (alone.step().unwrap(), together.unwrap());
                for (a, b) in [(a.loss, b.loss), (a.mse, b.mse), (a.isotropy, b.isotropy)] {
                    assert!((a - b).abs() <= 1e-4 * a.abs().max(1.0), "{iteration}: {a} {b} of {base:?}");
                }
            }
            for (alone, together) in alone.iter().zip(stack.trainers()) {
                assert_eq!(alone.last_batch(), together.last_batch());
            }
        }
        for (alone, together) in alone.into_iter().zip(stack.into_trainers().unwrap()) {
            let (alone, together) = (alone.into_network().unwrap(), together.into_network().unwrap());
            let far = gap(&weights(&alone), &weights(&together));
            assert!(far <= 1e-4, "{far} of {base:?}");
        }
    }
}

#[test]
fn on_the_host_trainings_in_step_are_the_same_bits_as_each_alone() {
    let cases = three(&base(OptimizerKind::Adam));
    let mut stack = TrainerStack::new(cases.iter().map(|case| case.trainer(true)).collect()).unwrap();
    let mut alone = cases.each_ref().map(|case| case.trainer(true));
    for _ in 0..6 {
        for (alone, together) in alone.iter_mut().zip(stack.step().unwrap()) {
            assert_eq!(alone.step().unwrap(), together.unwrap());
        }
    }
    for (alone, together) in alone.iter().zip(stack.into_trainers().unwrap()) {
        assert_eq!(alone.checkpoint().unwrap(), together.checkpoint().unwrap());
    }
}

#[test]
fn a_stack_goes_on_from_its_own_checkpoints() {
    let cases = three(&base(OptimizerKind::Adam));
    let trainers = || cases.iter().map(|case| case.trainer(false)).collect::<Vec<_>>();
    let mut whole = TrainerStack::together(trainers()).unwrap();
    (0..3).for_each(|_| assert!(whole.step().unwrap().iter().all(Result::is_ok)));
    whole.share().unwrap();
    let saved: Vec<_> = whole.trainers().iter().map(|t| t.checkpoint().unwrap()).collect();
    let mut second = trainers();
    second.iter_mut().zip(&saved).for_each(|(trainer, bytes)| trainer.restore(bytes).unwrap());
    let mut second = TrainerStack::together(second).unwrap();
    assert_eq!(second.iteration(), 3);
    for _ in 0..3 {
        let (a, b) = (whole.step().unwrap(), second.step().unwrap());
        a.into_iter().zip(b).for_each(|(a, b)| assert_eq!(a.unwrap(), b.unwrap()));
    }
    let mut trainers = trainers();
    trainers[1].restore(&saved[1]).unwrap();
    let told = TrainerStack::together(trainers).unwrap_err().to_string();
    assert!(told.contains("different numbers of iterations"), "{told}");
}

#[test]
fn one_that_diverges_leaves_the_others_as_they_are() {
    let mut cases = three(&case(Activation::Relu, ENCODINGS[0], CONDITIONINGS[0], &[9]));
    let stack = |cases: &[Case]| {
        TrainerStack::together(cases.iter().map(|case| case.trainer(false)).collect()).unwrap()
    };
    let mut good = stack(&cases);
    cases[1].learning_rate = 1e30;
    let mut bad = stack(&cases);
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
fn what_does_not_go_side_by_side_is_refused() {
    let base = case(Activation::Relu, ENCODINGS[0], CONDITIONINGS[0], &[9]);
    let refused = |other: Case| {
        TrainerStack::together(vec![base.trainer(false), other.trainer(false)]).unwrap_err().to_string()
    };
    let mut wide = base.clone();
    wide.network.hidden = vec![10];
    assert!(refused(wide).contains("different shapes"));
    assert!(refused(Case { batch: 36, ..base.clone() }).contains("different numbers of points"));
    assert!(refused(Case { ema: 0.5, ..base.clone() }).contains("more than learning rate and lambda"));
    let loss = LossOptions { reduction: Reduction::Sum, ..base.loss };
    assert!(refused(Case { loss, ..base.clone() }).contains("more than learning rate and lambda"));
}

#[test]
fn networks_asked_at_once_answer_as_each_alone() {
    for time in ENCODINGS {
        for conditioning in CONDITIONINGS {
            let cases = three(&case(Activation::Tanh, time, conditioning, &[9, 12]));
            let scales = [1.0, 1.3, 0.5];
            let fused: Vec<_> = cases
                .iter()
                .zip(scales)
                .map(|(case, scale)| NetworkDenoiser::new(case.network(), scale))
                .collect();
            let together = DenoiserStack::together(fused.iter().collect()).unwrap();
            let apart = DenoiserStack::new(fused.iter().collect()).unwrap();
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
