//! Network, losses and optimizers against PyTorch, and their gradients against finite differences.

use crate::common::trainings::Alone;
use candle_core::{DType, Device, Tensor, Var};
use gdiff::diffusion::{
    Activation, BackendChoice, Batch, Conditioning, Decay, Denoiser, IsotropyForm, IsotropyLoss, Network,
    NetworkDenoiser, NetworkOptions, OptimizerKind, OptimizerOptions, Outputs, Reduction, Schedule,
    TimeEncoding, TrainOptions, TrainStreams, TrainingJob,
    network::time,
    train::{
        loss::isotropy_scale,
        optimizer::{Optimizer, clip},
    },
};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, s};
use serde_json::Value;

fn oracle(name: &str) -> Value {
    let path = format!("{}/tests/oracles/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_str(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// All numbers of a nested list, in order.
fn numbers(v: &Value) -> Vec<f64> {
    match v {
        Value::Array(items) => items.iter().flat_map(numbers).collect(),
        _ => vec![v.as_f64().unwrap()],
    }
}

fn matrix(v: &Value) -> Array2<f64> {
    let rows = v.as_array().unwrap().len();
    let values = numbers(v);
    Array2::from_shape_vec((rows, values.len() / rows), values).unwrap()
}

fn tensor(x: &Array2<f64>) -> Tensor {
    Tensor::from_vec(x.iter().copied().collect(), x.dim(), &Device::Cpu).unwrap()
}

fn values(t: &Tensor) -> Vec<f64> {
    t.flatten_all().unwrap().to_dtype(DType::F64).unwrap().to_vec1().unwrap()
}

#[track_caller]
fn assert_close(ours: &[f64], theirs: &[f64], tolerance: f64, what: &str) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    for (o, t) in ours.iter().zip(theirs) {
        assert!((o - t).abs() <= tolerance * (1.0 + t.abs()), "{what}: {o} but {t}");
    }
}

fn stream() -> Stream {
    Stream::new(5, 0, "test")
}

fn options(hidden: &[usize], time: TimeEncoding, conditioning: Conditioning) -> NetworkOptions {
    NetworkOptions { hidden: Some(hidden.to_vec()), time, conditioning, ..NetworkOptions::default() }
}

/// A double-precision network of the oracle's layer sizes and weights.
fn network(sizes: &[usize], dim: usize, steps: usize, weights: &Value) -> Network {
    let (extra, hidden) = (sizes[0] - dim, &sizes[1..sizes.len() - 1]);
    let time = if extra == 1 { TimeEncoding::Scalar } else { TimeEncoding::Sinusoidal };
    let options = NetworkOptions { time_dim: extra, ..options(hidden, time, Conditioning::Concat) };
    let network =
        Network::with_dtype((dim, Outputs::Noise), steps, &options, &stream(), &Device::Cpu, DType::F64)
            .unwrap();
    let flat: Vec<f64> = weights
        .as_array()
        .unwrap()
        .iter()
        .flat_map(|layer| [numbers(&layer["w"]), numbers(&layer["b"])].concat())
        .collect();
    assert_eq!(flat.len(), network.parameter_count());
    network.parameters().assign(&Tensor::new(flat, &Device::Cpu).unwrap()).unwrap();
    network
}

fn sizes(v: &Value) -> Vec<usize> {
    numbers(v).iter().map(|s| *s as usize).collect()
}

fn loss(kind: &str, lambda: f64) -> IsotropyLoss {
    let reduction = if kind.starts_with("sum") { Reduction::Sum } else { Reduction::Mean };
    let form = if kind.ends_with("sample") { IsotropyForm::PerSample } else { IsotropyForm::Batch };
    let lambda = if kind.contains('_') { lambda } else { 0.0 };
    IsotropyLoss { lambda, form, reduction, control: false }
}

#[test]
fn forward_losses_and_all_gradients_are_pytorchs() {
    for case in oracle("mlp")["cases"].as_array().unwrap() {
        let sizes = sizes(&case["sizes"]);
        let network = network(&sizes, 2, 100, &case["weights"]);
        let (x, eps) = (matrix(&case["x"]), matrix(&case["eps"]));
        let (points, encoding) = (x.slice(s![.., ..2]).to_owned(), x.slice(s![.., 2..]).to_owned());
        for result in case["results"].as_array().unwrap() {
            let kind = result["loss_kind"].as_str().unwrap();
            let what = format!("{} {kind}", case["name"]);
            let points = Var::from_tensor(&tensor(&points)).unwrap();
            let encoding = Var::from_tensor(&tensor(&encoding)).unwrap();
            let predicted = network.forward_encoded(&points, &encoding).unwrap();
            let options = loss(kind, result["lam"].as_f64().unwrap());
            let (loss, terms) = options.evaluate(&predicted, &tensor(&eps)).unwrap();
            assert_close(&[terms.loss], &numbers(&result["loss"]), 1e-12, &what);
            if result["pred"].is_array() {
                assert_close(&values(&predicted), &numbers(&result["pred"]), 1e-12, &what);
            }
            let gradients = loss.backward().unwrap();
            let flat = values(&network.parameters().flat_gradient(&gradients).unwrap());
            let theirs: Vec<f64> = result["grads"]
                .as_array()
                .map(|layers| {
                    layers.iter().flat_map(|l| [numbers(&l["w"]), numbers(&l["b"])].concat()).collect()
                })
                .unwrap_or_default();
            if !theirs.is_empty() {
                assert_close(&flat, &theirs, 1e-12, &what);
            }
            let mut start = 0;
            let norms: Vec<f64> = network
                .parameters()
                .iter()
                .map(|(_, v)| {
                    let part = &flat[start..start + v.elem_count()];
                    start += v.elem_count();
                    part.iter().map(|g| g * g).sum::<f64>().sqrt()
                })
                .collect();
            assert_close(&norms, &numbers(&result["grad_norms"]), 1e-12, &what);
            if result["grad_input"].is_array() {
                let inputs = [&points, &encoding].map(|v| gradients.get(v.as_tensor()).unwrap().clone());
                let ours = Tensor::cat(&inputs, 1).unwrap();
                assert_close(&values(&ours), &numbers(&result["grad_input"]), 1e-12, &what);
            }
        }
    }
}

#[test]
fn thirty_steps_of_training_are_pytorchs() {
    let oracle = &oracle("mlp")["training"];
    let steps = oracle["T"].as_u64().unwrap() as usize;
    let (first, last) = (oracle["beta_first"].as_f64().unwrap(), oracle["beta_last"].as_f64().unwrap());
    let betas = (0..steps).map(|i| first + (last - first) * i as f64 / (steps - 1) as f64).collect();
    let schedule = Schedule::from_betas(betas).unwrap();
    for run in oracle["runs"].as_array().unwrap() {
        let kind = run["loss_kind"].as_str().unwrap();
        let network = network(&sizes(&oracle["sizes"]), 2, steps, &oracle["init"]);
        let options = TrainOptions {
            learning_rate: run["lr"].as_f64().unwrap(),
            isotropy: Some(loss(kind, run["lam"].as_f64().unwrap())),
            ..train_options()
        };
        let job = TrainingJob::new(Array2::zeros((8, 2)), &schedule, network, options, train_streams());
        let mut trainer = Alone::new(job.unwrap(), BackendChoice::Auto);
        for (i, theirs) in numbers(&run["losses"]).into_iter().enumerate() {
            let (x0, eps) = (matrix(&oracle["x0"][i]), matrix(&oracle["eps"][i]));
            let t: Vec<usize> = numbers(&oracle["t"][i]).iter().map(|t| *t as usize + 1).collect();
            let x_t = Array2::from_shape_fn(x0.dim(), |(r, c)| {
                let abar = schedule.alpha_bar(t[r]);
                abar.sqrt() * x0[[r, c]] + (1.0 - abar).sqrt() * eps[[r, c]]
            });
            let terms = trainer.step_on(Batch { x_t, t, eps, dropout: None }).unwrap();
            assert_close(&[terms.loss], &[theirs], 1e-10, &format!("{kind}, iteration {i}"));
        }
        let weights = run["final_weights"].as_array().unwrap();
        let theirs: Vec<f64> =
            weights.iter().flat_map(|l| [numbers(&l["w"]), numbers(&l["b"])].concat()).collect();
        let ours = values(&trainer.into_network().parameters().flat().unwrap());
        assert_close(&ours, &theirs, 1e-9, kind);
    }
}

fn train_options() -> TrainOptions {
    TrainOptions { iterations: Some(30), batch_size: 8, learning_rate: 1e-2, ..TrainOptions::default() }
}

fn train_streams() -> TrainStreams {
    let s = stream();
    TrainStreams { shuffle: s.child("shuffle"), timestep: s.child("timestep"), noise: s.child("noise") }
}

#[test]
fn optimizers_are_pytorchs() {
    let oracle = oracle("adam");
    let (a, b) = (tensor(&matrix(&oracle["A"])), Tensor::new(numbers(&oracle["b"]), &Device::Cpu).unwrap());
    for case in oracle["cases"].as_array().unwrap() {
        let given = &case["options"];
        if given.get("amsgrad").is_some() {
            continue; // not offered
        }
        let kind = match case["optimizer"].as_str().unwrap() {
            "Adam" => OptimizerKind::Adam,
            "AdamW" => OptimizerKind::AdamW,
            _ => OptimizerKind::Sgd,
        };
        let mut options = OptimizerOptions::from(kind);
        let set = |key: &str, place: &mut f64| {
            if let Some(v) = given.get(key) {
                *place = v.as_f64().unwrap();
            }
        };
        set("eps", &mut options.epsilon);
        set("weight_decay", &mut options.weight_decay);
        set("momentum", &mut options.momentum);
        if let Some(betas) = given.get("betas") {
            (options.beta1, options.beta2) = (numbers(betas)[0], numbers(betas)[1]);
        }
        let mut x = Tensor::new(numbers(&oracle["x0"]), &Device::Cpu).unwrap();
        let mut optimizer = Optimizer::new(options, &x).unwrap();
        let steps = numbers(&case["steps"]);
        for k in 1..=200 {
            let gradient = a.matmul(&x.unsqueeze(1).unwrap()).unwrap().squeeze(1).unwrap().sub(&b).unwrap();
            x = optimizer.step(&x, &gradient, &[given["lr"].as_f64().unwrap()]).unwrap();
            if let Some(i) = steps.iter().position(|s| *s == f64::from(k)) {
                let what = format!("{} after {k} steps", case["name"]);
                assert_close(&values(&x), &numbers(&case["x"][i]), 1e-11, &what);
            }
        }
    }
}

#[test]
fn sinusoidal_encoding_is_the_peers() {
    let oracle = &oracle("misc")["sin_embedding"];
    let (steps, dim) = (oracle["T"].as_u64().unwrap() as usize, oracle["edim"].as_u64().unwrap() as usize);
    let table = time::sinusoidal(steps, dim);
    for (t, theirs) in numbers(&oracle["t"]).into_iter().zip(oracle["value"].as_array().unwrap()) {
        let row = t as usize * dim;
        assert_close(&table[row..row + dim], &numbers(theirs), 1e-12, &format!("t = {t}"));
    }
    assert_eq!(time::scalar(4), [0.0, 0.25, 0.5, 0.75]);
}

/// Every kind of network, small.
fn all_options() -> Vec<NetworkOptions> {
    let mut all = Vec::new();
    for activation in [Activation::Relu, Activation::Silu, Activation::Tanh, Activation::Gelu] {
        for time in [TimeEncoding::Sinusoidal, TimeEncoding::Scalar, TimeEncoding::Learned] {
            for conditioning in [Conditioning::Concat, Conditioning::Add, Conditioning::Scale] {
                all.push(NetworkOptions {
                    hidden: Some(vec![5, 4]),
                    width: None,
                    activation,
                    time,
                    time_dim: 6,
                    conditioning,
                    ..NetworkOptions::default()
                });
            }
        }
    }
    all
}

/// Every kind of loss.
fn all_losses() -> Vec<IsotropyLoss> {
    [Reduction::Mean, Reduction::Sum]
        .into_iter()
        .flat_map(|reduction| {
            let term = |form| IsotropyLoss { lambda: 0.3, form, reduction, control: false };
            [
                IsotropyLoss { reduction, ..IsotropyLoss::SIMPLE },
                term(IsotropyForm::Batch),
                term(IsotropyForm::PerSample),
            ]
        })
        .collect()
}

#[test]
fn gradients_of_every_network_and_loss_are_the_finite_differences() {
    let steps = 7;
    let x = stream().standard_normal(0, 6, 3) * 0.8;
    let eps = stream().standard_normal(1, 6, 3);
    let t = [1, 7, 3, 3, 2, 6];
    for options in all_options() {
        let network =
            Network::with_dtype((3, Outputs::Noise), steps, &options, &stream(), &Device::Cpu, DType::F64)
                .unwrap();
        let parameters = network.parameters();
        let start = values(&parameters.flat().unwrap());
        for loss in all_losses() {
            let evaluate =
                || loss.evaluate(&network.forward(&tensor(&x), &t).unwrap(), &tensor(&eps)).unwrap();
            let gradients = evaluate().0.backward().unwrap();
            let gradient = values(&parameters.flat_gradient(&gradients).unwrap());
            // Along a few directions, so that every entry counts in a few evaluations.
            for direction in 0..3 {
                let v = stream().standard_normal(10 + direction, start.len(), 1);
                let h = 1e-6;
                let moved = |by: f64| {
                    let there: Vec<f64> = start.iter().zip(&v).map(|(p, v)| p + by * v).collect();
                    parameters.assign(&Tensor::new(there, &Device::Cpu).unwrap()).unwrap();
                    evaluate().1.loss
                };
                let difference = (moved(h) - moved(-h)) / (2.0 * h);
                moved(0.0);
                let along: f64 = gradient.iter().zip(&v).map(|(g, v)| g * v).sum();
                assert_close(&[along], &[difference], 2e-6, &format!("{options:?} {loss:?}"));
            }
        }
    }
}

#[test]
fn rows_at_one_step_get_what_they_get_with_a_step_each() {
    let x = stream().standard_normal(0, 5, 3);
    for options in all_options() {
        let network =
            Network::with_dtype((3, Outputs::Noise), 9, &options, &stream(), &Device::Cpu, DType::F64)
                .unwrap();
        let each = values(&network.forward(&tensor(&x), &[4; 5]).unwrap());
        assert_close(&values(&network.forward(&tensor(&x), &[4]).unwrap()), &each, 1e-13, "shared");
        let denoiser = NetworkDenoiser::new(network, 1.5).unwrap();
        let scaled: Vec<f64> = each.iter().map(|e| 1.5 * e).collect();
        let ours = denoiser.predict_noise(x.view(), 4).unwrap();
        assert_close(ours.as_slice().unwrap(), &scaled, 1e-13, "denoiser");
        assert!(denoiser.predict_noise(x.view(), 0).is_err());
        assert!(denoiser.predict_noise(x.view(), 10).is_err());
        assert!(denoiser.predict_noise(x.slice(s![.., ..2]), 1).is_err());
    }
}

#[test]
fn a_hand_computed_batch_gives_both_forms_and_reductions() {
    // |p|^2 = 1, 4, 9; q = |p|^2 / 2 = 0.5, 2, 4.5; squared errors 1, 1, 4, sum 6.
    let predicted = tensor(&ndarray::arr2(&[[1.0, 0.0], [0.0, 2.0], [3.0, 0.0]]));
    let eps = tensor(&ndarray::arr2(&[[0.0, 0.0], [0.0, 1.0], [1.0, 0.0]]));
    let batch = (7.0_f64 / 3.0 - 1.0).powi(2);
    let sample = (0.25 + 1.0 + 12.25) / 3.0;
    for (reduction, mse) in [(Reduction::Sum, 2.0), (Reduction::Mean, 1.0)] {
        for (form, isotropy) in [(IsotropyForm::Batch, batch), (IsotropyForm::PerSample, sample)] {
            let options = IsotropyLoss { lambda: 0.1, form, reduction, control: false };
            let (_, terms) = options.evaluate(&predicted, &eps).unwrap();
            let ours = [terms.mse, terms.isotropy, terms.loss];
            assert_close(&ours, &[mse, isotropy, mse + 0.1 * isotropy], 1e-14, "by hand");
        }
        let (_, terms) =
            IsotropyLoss { reduction, ..IsotropyLoss::SIMPLE }.evaluate(&predicted, &eps).unwrap();
        assert_close(&[terms.loss, terms.mse, terms.isotropy], &[mse, mse, batch], 1e-14, "simple");
    }
}

#[test]
fn the_batch_form_asks_for_the_plain_prediction_scaled() {
    // A prediction that is the best of its direction: residual orthogonal to it.
    let d = 2;
    let plain = stream().standard_normal(0, 400, d) * 0.7;
    let q = plain.mapv(|v| v * v).sum() / plain.len() as f64;
    let mut residual = stream().standard_normal(1, 400, d);
    let along = (&residual * &plain).sum() / (&plain * &plain).sum();
    residual.scaled_add(-along, &plain);
    let eps = tensor(&(&plain + &residual));
    for reduction in [Reduction::Mean, Reduction::Sum] {
        for lambda in [0.0, 0.01, 0.3, 2.0] {
            let options = IsotropyLoss { lambda, reduction, ..IsotropyLoss::SIMPLE };
            let loss = |s: f64| options.evaluate(&tensor(&(&plain * s)), &eps).unwrap().1.loss;
            let s = isotropy_scale(lambda, reduction, d, q).unwrap();
            let slope = (loss(s + 1e-5) - loss(s - 1e-5)) / 2e-5;
            assert!(slope.abs() < 1e-8, "{reduction:?} {lambda}: slope {slope} at {s}");
            let weight = if reduction == Reduction::Mean { lambda } else { lambda / d as f64 };
            assert_close(&[s], &[1.0 / (1.0 - 2.0 * weight * (1.0 - s * s * q))], 1e-12, "formula");
            assert!(lambda == 0.0 || s > 1.0);
        }
    }
    assert_eq!(isotropy_scale(0.1, Reduction::Sum, 2, 1.1), None);
    assert_eq!(isotropy_scale(0.1, Reduction::Sum, 2, f64::NAN), None);
}

#[test]
fn parameters_start_within_pytorchs_bounds_and_each_has_its_own_stream() {
    let wide = |hidden: &[usize]| {
        let options = options(hidden, TimeEncoding::Sinusoidal, Conditioning::Concat);
        Network::new(2, 100, &options, &stream(), &Device::Cpu).unwrap()
    };
    let (a, b) = (wide(&[16, 32, 64]), wide(&[16, 32, 48]));
    assert_eq!(a.parameter_count(), 18 * 16 + 16 + 16 * 32 + 32 + 32 * 64 + 64 + 64 * 2 + 2);
    for (name, var) in a.parameters().iter() {
        let weight = a.parameters().get(&name.replace("bias", "weight")).unwrap();
        let bound = 1.0 / (weight.dim(1).unwrap() as f64).sqrt();
        let v = values(var);
        assert!(v.iter().all(|v| v.abs() <= bound), "{name}");
        let mean_square = v.iter().map(|v| v * v).sum::<f64>() / v.len() as f64;
        assert!(v.len() < 200 || (mean_square / (bound * bound / 3.0) - 1.0).abs() < 0.2, "{name}");
        let same = values(b.parameters().get(name).unwrap()) == v;
        assert_eq!(
            same,
            !name.starts_with("layer2") && name != "layer3.weight" && name != "layer3.bias",
            "{name}"
        );
    }
}

#[test]
fn networks_that_cannot_be_are_refused_in_words() {
    let refused = |options: NetworkOptions| {
        Network::new(2, 10, &options, &stream(), &Device::Cpu).unwrap_err().to_string()
    };
    let good = options(&[4], TimeEncoding::Sinusoidal, Conditioning::Concat);
    assert!(
        refused(NetworkOptions { hidden: Some(vec![]), ..good.clone() }).contains("`hidden` has 0 layers")
    );
    assert!(
        refused(NetworkOptions { hidden: Some(vec![4, 0]), ..good.clone() }).contains("`hidden[1]` is 0")
    );
    assert!(refused(NetworkOptions { time_dim: 0, ..good.clone() }).contains("`time_dim` is 0"));
    assert!(refused(NetworkOptions { time_dim: 3, ..good.clone() }).contains("even"));
    assert!(Network::new(0, 10, &good, &stream(), &Device::Cpu).is_err());
    let network = Network::new(2, 10, &good, &stream(), &Device::Cpu).unwrap();
    let x = Tensor::zeros((1, 2), DType::F32, &Device::Cpu).unwrap();
    assert!(network.forward(&x, &[0]).is_err() && network.forward(&x, &[11]).is_err());
}

#[test]
fn saved_networks_come_back_and_damaged_ones_are_refused() {
    for options in all_options() {
        let network = Network::new(3, 9, &options, &stream(), &Device::Cpu).unwrap();
        let bytes = network.to_safetensors().unwrap();
        assert_eq!(bytes, network.to_safetensors().unwrap());
        let back = Network::from_safetensors(&bytes, &Device::Cpu).unwrap();
        assert_eq!(back.to_safetensors().unwrap(), bytes);
        assert_eq!(back.options(), &options);
        let other = Network::new(3, 9, &options, &stream().child("other"), &Device::Cpu).unwrap();
        other.load_safetensors(&bytes).unwrap();
        assert_eq!(other.to_safetensors().unwrap(), bytes);
    }
    let options = options(&[5, 4], TimeEncoding::Learned, Conditioning::Add);
    let bytes = Network::new(3, 9, &options, &stream(), &Device::Cpu).unwrap().to_safetensors().unwrap();
    let wider = NetworkOptions { hidden: Some(vec![6, 4]), ..options };
    let wider = Network::new(3, 9, &wider, &stream(), &Device::Cpu).unwrap();
    let message = wider.load_safetensors(&bytes).unwrap_err().to_string();
    assert!(message.contains("layer0.weight") && message.contains("[6, 3]"), "{message}");
    let mut rng = stream().at(9);
    for _ in 0..300 {
        use rand::RngExt;
        let mut bad = bytes.clone();
        let at = rng.random_range(0..bad.len());
        if rng.random::<bool>() {
            bad[at] ^= 1 << rng.random_range(0..8)
        } else {
            bad.truncate(at)
        }
        assert!(Network::from_safetensors(&bad, &Device::Cpu).is_err(), "byte {at} of {}", bad.len());
    }
}

#[test]
fn clipping_changes_the_length_of_long_gradients_only() {
    let g = Tensor::new(&[3.0_f64, 4.0], &Device::Cpu).unwrap();
    assert_eq!(values(&clip(&g, 0.0).unwrap()), [3.0, 4.0]);
    assert_eq!(values(&clip(&g, 6.0).unwrap()), [3.0, 4.0]);
    assert_close(&values(&clip(&g, 1.0).unwrap()), &[0.6, 0.8], 1e-6, "clipped");
}

#[test]
fn decay_goes_from_all_to_nothing() {
    for (decay, middle) in [(Decay::Cosine, 0.5), (Decay::Linear, 0.5), (Decay::None, 1.0)] {
        assert_eq!(decay.factor(0, 100), 1.0);
        assert!((decay.factor(50, 100) - middle).abs() < 1e-15);
        assert!((0..300).all(|i| decay.factor(i + 1, 100) <= decay.factor(i, 100)));
    }
    assert!(Decay::Cosine.factor(100, 100).abs() < 1e-15 && Decay::Linear.factor(200, 100) == 0.0);
}

#[test]
fn parameters_are_counted_before_a_network_is_built() {
    // (4 + 16 + 1) 3 + (3 + 1) 5 + (5 + 1) 4 by hand.
    let plain = options(&[3, 5], TimeEncoding::Sinusoidal, Conditioning::Concat);
    assert_eq!(plain.parameter_count(4, Outputs::Noise, 7), 107);
    // Four more outputs of 5 inputs and a bias.
    assert_eq!(plain.parameter_count(4, Outputs::NoiseAndVariance, 7), 107 + 6 * 4);
    for time in [TimeEncoding::Sinusoidal, TimeEncoding::Scalar, TimeEncoding::Learned] {
        for conditioning in [Conditioning::Concat, Conditioning::Add, Conditioning::Scale] {
            let options = options(&[3, 5], time, conditioning);
            let counted = options.parameter_count(4, Outputs::NoiseAndVariance, 7);
            let shape = (4, Outputs::NoiseAndVariance);
            let network =
                Network::with_dtype(shape, 7, &options, &stream(), &Device::Cpu, DType::F32).unwrap();
            assert_eq!(counted, network.parameters().count(), "{time:?}, {conditioning:?}");
            let network = Network::new(4, 7, &options, &stream(), &Device::Cpu).unwrap();
            let counted = options.parameter_count(4, Outputs::Noise, 7);
            assert_eq!(counted, network.parameters().count(), "{time:?}, {conditioning:?}");
            let layout = network.layout().parameters.iter();
            for (expected, (name, var)) in layout.zip(network.parameters().iter()) {
                assert_eq!((expected.name.as_str(), expected.shape.as_slice()), (name, var.dims()));
            }
        }
    }
}
