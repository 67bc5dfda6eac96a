//! U-Nets: the published size, gradients against finite differences, the fused path against the candle graph, and the same
//! bits whatever the number of threads and the images beside.

use candle_core::{DType, Device, Tensor};
use gdiff::diffusion::{
    BackendChoice::{self, Auto, Candle},
    Denoiser, DiffusionError, IsotropyLoss, Network, NetworkDenoiser, NetworkKind, NetworkOptions,
    OptimizerKind, Outputs, Schedule, TrainOptions, TrainStreams, TrainingJob,
};
use gdiff::numeric::random::Stream;
use ndarray::{Array2, s};

use crate::common::trainings::{Alone, weights};

const STEPS: usize = 12;

fn stream(purpose: &str) -> Stream {
    Stream::new(3, 0, purpose)
}

fn options(image: [usize; 3]) -> NetworkOptions {
    NetworkOptions {
        kind: NetworkKind::Unet,
        image: Some(image),
        channels: Some(4),
        multipliers: Some(vec![1, 2, 1]),
        blocks: Some(1),
        groups: Some(2),
        ..NetworkOptions::default()
    }
}

/// A network whose parameters are all random, those that start at 0 or 1 too.
fn network(options: &NetworkOptions, outputs: Outputs, dtype: DType) -> Network {
    let dim = options.image.unwrap().iter().product();
    let network =
        Network::with_dtype((dim, outputs), STEPS, options, &stream("init"), &Device::Cpu, dtype).unwrap();
    let start = network.parameters().flat().unwrap().to_dtype(DType::F64).unwrap().to_vec1::<f64>().unwrap();
    let noise = stream("parameters").standard_normal(0, start.len(), 1);
    let values: Vec<f64> =
        start.iter().zip(&noise).map(|(v, noise)| f64::from((v + 0.2 * noise) as f32)).collect();
    let values = Tensor::from_vec(values, start.len(), &Device::Cpu).unwrap().to_dtype(dtype).unwrap();
    network.parameters().assign(&values).unwrap();
    network
}

/// Every kind of network that the program can hold, small.
fn kinds() -> Vec<NetworkOptions> {
    let base = options([1, 8, 8]);
    vec![
        base.clone(),
        // Odd sides: 7 x 5, 4 x 3, 2 x 2.
        NetworkOptions { attention: Some(vec![4]), ..options([3, 7, 5]) },
        NetworkOptions { dropout: Some(0.3), blocks: Some(2), ..base.clone() },
        NetworkOptions { multipliers: Some(vec![1]), attention: Some(vec![8]), ..base.clone() },
        NetworkOptions { channels: Some(36), groups: Some(4), multipliers: Some(vec![1, 2]), ..base },
        options([2, 1, 1]),
        NetworkOptions { multipliers: Some(vec![2, 1]), ..options([1, 17, 9]) },
    ]
}

#[test]
fn the_published_network_has_the_published_number_of_parameters() {
    let cifar = NetworkOptions {
        channels: Some(128),
        multipliers: Some(vec![1, 2, 2, 2]),
        blocks: Some(2),
        attention: Some(vec![16]),
        dropout: Some(0.1),
        groups: Some(32),
        ..options([3, 32, 32])
    };
    assert_eq!(cifar.parameter_count(3 * 32 * 32, Outputs::Noise, 1000), 35_746_307);
}

#[test]
fn gradients_on_the_graph_are_those_of_finite_differences() {
    // The larger ones are made of the same operations.
    for options in kinds().into_iter().filter(|options| options.channels == Some(4)) {
        let network = network(&options, Outputs::NoiseAndVariance, DType::F64);
        let (n, dim) = (3, network.dim());
        let flat = |rows: usize, columns: usize, purpose: &str| {
            let values = stream(purpose).standard_normal(0, rows, columns).into_raw_vec_and_offset().0;
            Tensor::from_vec(values, (rows, columns), &Device::Cpu).unwrap()
        };
        let (x, weights) = (flat(n, dim, "x"), flat(n, 2 * dim, "weights"));
        let value = || network.forward(&x, &[1, 5, STEPS]).unwrap().mul(&weights).unwrap().sum_all().unwrap();
        let gradient = network.parameters().flat_gradient(&value().backward().unwrap()).unwrap();
        let gradient = gradient.to_vec1::<f64>().unwrap();
        let start = network.parameters().flat().unwrap().to_vec1::<f64>().unwrap();
        let at = |i: usize, step: f64| {
            let mut moved = start.clone();
            moved[i] += step;
            network.parameters().assign(&Tensor::new(moved, &Device::Cpu).unwrap()).unwrap();
            value().to_scalar::<f64>().unwrap()
        };
        // A few of every parameter.
        for parameter in &network.layout().parameters {
            let count = parameter.count();
            for i in [0, count / 3].map(|i| parameter.offset + i) {
                let expected = (at(i, 1e-5) - at(i, -1e-5)) / 2e-5;
                let close = (gradient[i] - expected).abs() <= 1e-6 * expected.abs().max(1.0);
                assert!(close, "{} {i}: {} {expected} of {options:?}", parameter.name, gradient[i]);
            }
        }
    }
}

fn job(options: &NetworkOptions, batch: usize, train: TrainOptions) -> TrainingJob {
    job_in(DType::F32, options, batch, train)
}

fn job_in(dtype: DType, options: &NetworkOptions, batch: usize, train: TrainOptions) -> TrainingJob {
    let network = network(options, outputs_of(batch), dtype);
    let data = stream("data").standard_normal(0, 2 * batch + 1, network.dim());
    let schedule = Schedule::from_betas(vec![0.05; STEPS]).unwrap();
    let streams =
        TrainStreams { shuffle: stream("shuffle"), timestep: stream("timestep"), noise: stream("noise") };
    let train = TrainOptions { batch_size: batch, iterations: Some(100), ..train };
    TrainingJob::new(data, &schedule, network, train, streams).unwrap()
}

fn alone(options: &NetworkOptions, batch: usize, train: TrainOptions, backend: BackendChoice) -> Alone {
    Alone::new(job(options, batch, train), backend)
}

#[test]
fn the_fused_gradient_is_that_of_the_graph() {
    let loss = IsotropyLoss { lambda: 0.2, ..IsotropyLoss::default() };
    // Plain steps of size 1: what is subtracted is the gradient.
    let sgd = TrainOptions {
        optimizer: OptimizerKind::Sgd,
        momentum: Some(0.0),
        learning_rate: 1.0,
        isotropy: Some(loss),
        ..TrainOptions::default()
    };
    for options in kinds() {
        for batch in [1, 5, 34] {
            let gradient = |dtype, backend| {
                let start = network(&options, outputs_of(batch), dtype).parameters().flat().unwrap();
                let mut training = Alone::new(job_in(dtype, &options, batch, sgd), backend);
                let terms = training.step().unwrap();
                let moved = training.network().parameters().flat().unwrap();
                let gradient = (start - moved).unwrap().to_dtype(DType::F64).unwrap();
                (terms.loss, gradient.to_vec1::<f64>().unwrap())
            };
            let (loss, exact) = gradient(DType::F64, Candle);
            let far = |(own, found): (f64, Vec<f64>)| {
                assert!((own - loss).abs() <= 1e-5 * loss.abs().max(1.0), "{own} {loss} of {options:?}");
                exact.iter().zip(found).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max)
            };
            let (fused, graph) = (far(gradient(DType::F32, Auto)), far(gradient(DType::F32, Candle)));
            // Where normalization is over next to nothing, single precision itself is farther off, on the graph too.
            let largest = exact.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
            let allowed = (1e-5 * largest).max(4.0 * graph);
            assert!(fused <= allowed, "batch {batch}: {fused}, graph {graph}, of {largest} of {options:?}");
        }
    }
}

fn outputs_of(batch: usize) -> Outputs {
    if batch.is_multiple_of(2) { Outputs::Noise } else { Outputs::NoiseAndVariance }
}

#[test]
fn predictions_are_those_of_the_graph_and_do_not_depend_on_the_images_beside() {
    for options in kinds() {
        let network = || network(&options, Outputs::Noise, DType::F32);
        let fused = NetworkDenoiser::new(network(), 1.0).unwrap();
        let graph = NetworkDenoiser::with_backend(network(), 1.0, Candle).unwrap();
        let x = stream("x").standard_normal(0, 70, network().dim());
        for t in [1, STEPS] {
            let (a, b) =
                (fused.predict_noise(x.view(), t).unwrap(), graph.predict_noise(x.view(), t).unwrap());
            let scale = b.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
            assert!((&a - &b).iter().all(|v| v.abs() <= 1e-5 * scale), "{options:?}");
            for part in [0..1, 3..36, 69..70] {
                let alone = fused.predict_noise(x.slice(s![part.clone(), ..]), t).unwrap();
                assert_eq!(alone, a.slice(s![part, ..]), "{options:?}");
            }
        }
    }
}

#[test]
fn trainings_are_the_same_bits_for_any_number_of_threads() {
    let train = TrainOptions { ema: 0.9, clip_norm: 1.0, ..TrainOptions::default() };
    let options = NetworkOptions { dropout: Some(0.2), attention: Some(vec![4]), ..options([1, 8, 8]) };
    let run = |threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| {
            let mut training = alone(&options, 34, train, Auto);
            for _ in 0..4 {
                training.step().unwrap();
            }
            let network = training.into_network();
            let values = weights(&network);
            let x = stream("x").standard_normal(0, 41, network.dim());
            let denoiser = NetworkDenoiser::new(network, 1.0).unwrap();
            (values, denoiser.predict_noise(x.view(), 4).unwrap())
        })
    };
    let one = run(1);
    assert_eq!(one, run(3));
    assert_eq!(one, run(8));
}

#[test]
fn a_checkpoint_continues_in_the_same_bits_with_dropout() {
    let options = NetworkOptions { dropout: Some(0.2), ..options([1, 8, 8]) };
    let train = TrainOptions { ema: 0.9, ..TrainOptions::default() };
    let mut whole = alone(&options, 6, train, Auto);
    for _ in 0..3 {
        whole.step().unwrap();
    }
    let checkpoint = whole.checkpoint();
    for _ in 0..3 {
        whole.step().unwrap();
    }
    let mut rest = job(&options, 6, train);
    rest.resume(&checkpoint).unwrap();
    let mut rest = Alone::new(rest, Auto);
    for _ in 0..3 {
        rest.step().unwrap();
    }
    assert_eq!(weights(rest.network()), weights(whole.network()));
    assert_eq!(rest.checkpoint(), whole.checkpoint());
}

#[test]
fn dropout_leaves_out_its_share_and_keeps_the_mean() {
    use gdiff::diffusion::network::unet::dropout::{Dropout, DropoutStream};
    let at = |iteration| Dropout::new(DropoutStream { stream: stream("dropout"), iteration }, 0.1);
    let draw = |dropout: Dropout, image: usize, node: usize| {
        let mut factors = vec![0.0f32; 100_000];
        dropout.factors(image, node, &mut factors);
        factors
    };
    let factors = draw(at(5), 2, 7);
    let left_out = factors.iter().filter(|v| **v == 0.0).count() as f64 / 1e5;
    // Five standard errors.
    assert!((left_out - 0.1).abs() < 0.005, "{left_out}");
    let mean = factors.iter().map(|v| f64::from(*v)).sum::<f64>() / 1e5;
    assert!((mean - 1.0).abs() < 0.006, "{mean}");
    for other in [draw(at(6), 2, 7), draw(at(5), 3, 7), draw(at(5), 2, 8)] {
        assert_ne!(factors, other);
    }
    assert_eq!(factors, draw(at(5), 2, 7));
}

#[test]
fn a_file_holds_the_network() {
    let options = options([3, 7, 5]);
    let network = network(&options, Outputs::NoiseAndVariance, DType::F32);
    let read = Network::from_safetensors(&network.to_safetensors().unwrap(), &Device::Cpu).unwrap();
    assert_eq!((read.options(), read.outputs()), (&options, Outputs::NoiseAndVariance));
    assert_eq!(weights(&read), weights(&network));
}

#[test]
fn options_that_do_not_fit_are_refused_in_a_sentence() {
    let refused = |options: NetworkOptions| {
        Network::new(64, STEPS, &options, &stream("init"), &Device::Cpu).unwrap_err().to_string()
    };
    let good = options([1, 8, 8]);
    assert!(Network::new(64, STEPS, &good, &stream("init"), &Device::Cpu).is_ok());
    let cases = [
        (NetworkOptions { image: None, ..good.clone() }, "`image` is left out"),
        (NetworkOptions { image: Some([1, 8, 7]), ..good.clone() }, "but the points have 64 dimensions"),
        (NetworkOptions { groups: Some(3), ..good.clone() }, "it must divide the 4 channels"),
        (NetworkOptions { channels: Some(5), groups: Some(1), ..good.clone() }, "even"),
        (NetworkOptions { multipliers: Some(vec![]), ..good.clone() }, "0 levels"),
        (NetworkOptions { multipliers: Some(vec![1, 0]), ..good.clone() }, "`multipliers[1]` is 0"),
        (NetworkOptions { dropout: Some(1.0), ..good.clone() }, "below 1"),
        (NetworkOptions { attention: Some(vec![5]), ..good.clone() }, "heights 8, 4, 2"),
        (NetworkOptions { width: Some(4), ..good.clone() }, "of kind \"mlp\""),
        (NetworkOptions { blocks: Some(1), ..NetworkOptions::default() }, "of kind \"unet\""),
    ];
    for (options, part) in cases {
        let message = refused(options.clone());
        assert!(message.contains(part), "{message} of {options:?}");
    }
}

#[test]
fn a_u_net_has_no_likelihood_yet() {
    let denoiser =
        NetworkDenoiser::new(network(&options([1, 8, 8]), Outputs::Noise, DType::F32), 1.0).unwrap();
    let Err(error) = denoiser.at_real_times() else { panic!("there are no derivatives of a U-Net") };
    assert!(
        matches!(error, DiffusionError::Option(_)) && error.to_string().contains("network.kind"),
        "{error}"
    );
}

#[test]
fn points_that_are_not_finite_make_the_loss_diverge_and_change_nothing() {
    let options = options([1, 8, 8]);
    let mut training = alone(&options, 4, TrainOptions::default(), Auto);
    training.step().unwrap();
    let before = weights(training.network());
    let mut batch = training.last_batch().clone();
    batch.x_t = Array2::from_elem(batch.x_t.dim(), f64::NAN);
    assert!(matches!(training.step_on(batch), Err(DiffusionError::Diverged { .. })));
    assert_eq!(weights(training.network()), before);
}

/// tests/oracles/unet.json, by scripts/oracles/unet.py in PyTorch.
#[test]
fn outputs_and_gradients_are_pytorchs() {
    let oracle: serde_json::Value =
        serde_json::from_str(include_str!("../oracles/unet.json")).expect("the oracle is JSON");
    for case in oracle["cases"].as_array().unwrap() {
        let given = &case["options"];
        let number = |key: &str| given[key].as_u64().unwrap() as usize;
        let list = |value: &serde_json::Value| -> Vec<usize> {
            value.as_array().unwrap().iter().map(|v| v.as_u64().unwrap() as usize).collect()
        };
        let options = NetworkOptions {
            kind: NetworkKind::Unet,
            image: Some(list(&given["image"]).try_into().unwrap()),
            channels: Some(number("channels")),
            multipliers: Some(list(&given["multipliers"])),
            blocks: Some(number("blocks")),
            attention: Some(list(&given["attention"])),
            groups: Some(number("groups")),
            ..NetworkOptions::default()
        };
        let (dim, t) = (options.image.unwrap().iter().product::<usize>(), list(&case["t"]));
        let shape = (dim, Outputs::NoiseAndVariance);
        let network =
            Network::with_dtype(shape, STEPS, &options, &stream("init"), &Device::Cpu, DType::F64).unwrap();
        let count = network.parameter_count();
        let values: Vec<f64> = (0..count).map(|i| 0.3 * (1.7 * i as f64 + 0.3).sin()).collect();
        network.parameters().assign(&Tensor::new(values, &Device::Cpu).unwrap()).unwrap();
        let x: Vec<f64> = (0..t.len() * dim).map(|j| (0.9 * j as f64 + 0.1).sin()).collect();
        let x = Tensor::from_vec(x, (t.len(), dim), &Device::Cpu).unwrap();
        let out = network.forward(&x, &t).unwrap();
        let expected: Vec<f64> =
            case["outputs"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let found = out.flatten_all().unwrap().to_vec1::<f64>().unwrap();
        assert_eq!(found.len(), expected.len());
        let scale = expected.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        for (found, expected) in found.iter().zip(&expected) {
            assert!((found - expected).abs() <= 1e-9 * scale, "{found} {expected} of {options:?}");
        }
        let weights: Vec<f64> = (0..expected.len()).map(|k| (0.7 * k as f64).cos()).collect();
        let weights = Tensor::from_vec(weights, out.dims(), &Device::Cpu).unwrap();
        let gradients = out.mul(&weights).unwrap().sum_all().unwrap().backward().unwrap();
        let gradient = network.parameters().flat_gradient(&gradients).unwrap().to_vec1::<f64>().unwrap();
        let sums = case["gradients"].as_object().unwrap();
        assert_eq!(sums.len(), network.layout().parameters.len());
        for parameter in &network.layout().parameters {
            let own = &gradient[parameter.offset..parameter.offset + parameter.count()];
            let weighted: f64 = own.iter().enumerate().map(|(i, g)| g * (1.3 * i as f64).cos()).sum();
            let size: f64 = own.iter().map(|g| g.abs()).sum();
            for (found, expected) in [own.iter().sum::<f64>(), weighted]
                .iter()
                .zip(&[0, 1].map(|i| sums[&parameter.name][i].as_f64().unwrap()))
            {
                let close = (found - expected).abs() <= 1e-8 * size.max(1.0);
                assert!(close, "{}: {found} {expected} of {options:?}", parameter.name);
            }
        }
    }
}
