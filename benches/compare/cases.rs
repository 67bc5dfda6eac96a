//! What can be timed, one function a request.

use super::Request;
use super::common::{self, BATCH, Products, everything, hidden, network, operations, trainer};
use super::timing::{Length, Timing, time};
use anyhow::{Context, Result, bail};
use candle_core::Device;
use gdiff::data::table::{self, TableOptions};
use gdiff::diffusion::{
    Conditioning, DiffusionError, Network, NetworkDenoiser, NetworkKind, NetworkOptions, SampleOptions,
    TrainOptions, VarianceKind, sample,
};
use gdiff::gaussianize::{Coupling, GaussianizeOptions, Gaussianizer, Rotation, Tails};
use gdiff::metrics::{EnergyDistance, Prdc, RealManifold};
use gdiff::numeric::random::Stream;
use ndarray::Array2;
use serde::Serialize;
use std::hint::black_box;
use std::path::Path;

/// The answer to a request.
#[derive(Serialize)]
pub struct Answer {
    #[serde(flatten)]
    timing: Timing,
    /// Floating-point operations of one unit of work, where they are counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    operations: Option<u64>,
    #[serde(flatten)]
    prdc: Option<Prdc>,
    /// Mean log-density of fresh points under a Gaussianizer.
    #[serde(skip_serializing_if = "Option::is_none")]
    log_density: Option<f64>,
}

impl From<Timing> for Answer {
    fn from(timing: Timing) -> Self {
        Self { timing, operations: None, prdc: None, log_density: None }
    }
}

/// Times what the request asks for.
pub fn run(mut request: Request, length: Length) -> Result<Answer> {
    let case = match request.name.as_str() {
        "train" => train,
        "unet" => unet,
        "sgemm" => sgemm,
        "sample" => sampling,
        "prdc" => prdc,
        "energy" => energy,
        "peak" => peak,
        "fit" => fit,
        "inverse" => inverse,
        name => {
            bail!(
                "no request is called `{name}`: they are train, unet, sgemm, peak, sample, prdc, energy, fit, inverse"
            )
        }
    };
    case(&mut request, length)
}

/// `train width=16 n=10000 d=2 batch=256 path=fused extras=true`: one training iteration, in one go or (`path=graph`) on
/// the candle graph, with isotropy term and average or (`extras=false`) without.
fn train(request: &mut Request, length: Length) -> Result<Answer> {
    let (width, n, d) = (request.take("width", 16)?, request.take("n", 10_000)?, request.take("d", 2)?);
    let fused = request.take("path", "fused".to_string())? != "graph";
    let batch = request.take("batch", BATCH)?;
    let mut options = everything(batch);
    if !request.take("extras", true)? {
        (options.ema, options.isotropy) = (0.0, None);
    }
    request.check_empty()?;
    let mut trainer = trainer(n, network(d, hidden(width), Conditioning::Concat, 100), 100, options, fused);
    let mut outcome = Ok(());
    let timing = time(length, 1, || {
        if let Err(error) = trainer.step() {
            outcome = Err(error);
        }
    });
    outcome?;
    Ok(Answer {
        operations: (d == 2).then(|| operations(width) * batch as u64 / BATCH as u64),
        ..timing.into()
    })
}

/// `unet image=1,28,28 channels=32 multipliers=1,2,2 blocks=2 groups=8 batch=64 path=fused`: one training iteration of a
/// U-Net, with Adam, in one go or (`path=graph`) on the candle graph.
fn unet(request: &mut Request, length: Length) -> Result<Answer> {
    let image = numbers(&request.take("image", "1,28,28".to_string())?)?;
    let options = NetworkOptions {
        kind: NetworkKind::Unet,
        image: Some(image.try_into().ok().context("an image has channels, height and width")?),
        channels: Some(request.take("channels", 32)?),
        multipliers: Some(numbers(&request.take("multipliers", "1,2,2".to_string())?)?),
        blocks: Some(request.take("blocks", 2)?),
        groups: Some(request.take("groups", 8)?),
        ..NetworkOptions::default()
    };
    let batch_size = request.take("batch", 64)?;
    let fused = request.take("path", "fused".to_string())? != "graph";
    request.check_empty()?;
    let dim = options.image.map_or(0, |image| image.iter().product());
    let steps = 1000;
    let network = Network::new(dim, steps, &options, &Stream::new(0, 0, "init"), &Device::Cpu)?;
    let multiply_adds = network.layout().multiply_adds();
    let train = TrainOptions { iterations: Some(1_000_000), batch_size, ..TrainOptions::default() };
    let mut trainer = trainer(4 * batch_size, network, steps, train, fused);
    let mut outcome = Ok(());
    let timing = time(length, 1, || {
        if let Err(error) = trainer.step() {
            outcome = Err(error);
        }
    });
    outcome?;
    // Forward, and twice as much back.
    Ok(Answer { operations: Some((6 * batch_size * multiply_adds) as u64), ..timing.into() })
}

fn numbers(list: &str) -> Result<Vec<usize>> {
    list.split(',')
        .map(|number| number.parse().with_context(|| format!("`{list}` is no list of numbers")))
        .collect()
}

/// `peak`: the multiply-adds that one thread does in registers; `operations` are those of one call.
fn peak(request: &mut Request, length: Length) -> Result<Answer> {
    request.check_empty()?;
    let mut operations = 0;
    let timing = time(length, 1, || operations = super::peak::run());
    Ok(Answer { operations: Some(operations), ..timing.into() })
}

/// `sgemm width=16`: the matrix products of that iteration, alone, by the linked BLAS.
fn sgemm(request: &mut Request, length: Length) -> Result<Answer> {
    let width = request.take("width", 16)?;
    request.check_empty()?;
    let mut products = Products::new(width);
    Ok(Answer { operations: Some(operations(width)), ..time(length, 1, || products.run()).into() })
}

/// `sample n=10000 width=16 d=2 steps=100`: one reverse step of ancestral sampling, network and noise; the mean
/// over all steps.
fn sampling(request: &mut Request, length: Length) -> Result<Answer> {
    let (n, width) = (request.take("n", 10_000)?, request.take("width", 16)?);
    let (d, steps) = (request.take("d", 2)?, request.take("steps", 100)?);
    request.check_empty()?;
    let denoiser = NetworkDenoiser::new(network(d, hidden(width), Conditioning::Concat, steps), 1.0)?;
    let schedule = common::schedule(steps);
    let stream = Stream::new(0, 0, "bench");
    let start = stream.standard_normal(0, n, d);
    let mut outcome = Ok(start.clone());
    let timing = time(length, steps, || {
        let observe = &mut |_, _, _: &Array2<f64>| Ok(());
        outcome = SampleOptions::default().build(VarianceKind::FixedSmall, None).and_then(|sampler| {
            sample::<DiffusionError>(&denoiser, &schedule, sampler, start.clone(), &stream, observe)
        });
    });
    black_box(outcome?);
    let products = (d == 2).then(|| (n * common::prediction_operations(width)) as u64);
    Ok(Answer { operations: products, ..timing.into() })
}

/// `prdc real=FILE fake=FILE` or `prdc n=10000 d=2`: all four metrics with `k = 5`, from nothing.
fn prdc(request: &mut Request, length: Length) -> Result<Answer> {
    let (real, fake) = clouds(request)?;
    request.check_empty()?;
    let once = || RealManifold::new(real.view(), 5).and_then(|manifold| manifold.prdc(fake.view()));
    let mut value = None;
    let timing = time(length, 1, || value = Some(once()));
    Ok(Answer { prdc: value.transpose()?, ..timing.into() })
}

/// `energy real=FILE fake=FILE` or `energy n=10000 d=2`: the energy distance, from nothing.
fn energy(request: &mut Request, length: Length) -> Result<Answer> {
    let (real, fake) = clouds(request)?;
    request.check_empty()?;
    let once = || EnergyDistance::new(real.view()).and_then(|energy| energy.distance(fake.view()));
    let mut value = None;
    let timing = time(length, 1, || value = Some(once()));
    black_box(value.transpose()?);
    Ok(timing.into())
}

/// `fit real=FILE fake=FILE map=default`, or `n=10000 d=2` in place of the files: the fit of a Gaussianizer to
/// `real`, and the mean log-density of `fake` under it. `map=paper` is the first paper's: five layers of ICA.
fn fit(request: &mut Request, length: Length) -> Result<Answer> {
    let ((real, fresh), options) = (clouds(request)?, map(request)?);
    request.check_empty()?;
    let mut fitted = None;
    let timing = time(length, 1, || fitted = Some(gaussianizer(&real, &options)));
    let log_density = fitted.transpose()?.and_then(|map| map.log_density(fresh.view()).mean());
    Ok(Answer { log_density, ..timing.into() })
}

/// `inverse` with the keys of `fit`: that map's inverse of as many normal points.
fn inverse(request: &mut Request, length: Length) -> Result<Answer> {
    let ((real, _), options) = (clouds(request)?, map(request)?);
    request.check_empty()?;
    let map = gaussianizer(&real, &options)?;
    let z = Stream::new(0, 0, "bench").standard_normal(0, real.nrows(), real.ncols());
    Ok(time(length, 1, || _ = black_box(map.inverse(z.view()))).into())
}

fn gaussianizer(points: &Array2<f64>, options: &GaussianizeOptions) -> Result<Gaussianizer> {
    Ok(Gaussianizer::fit(points.view(), options, &Stream::new(0, 0, "bench"), &mut |_, _| ())?.0)
}

/// The options that the key `map` names.
fn map(request: &mut Request) -> Result<GaussianizeOptions> {
    match request.take("map", "default".to_string())?.as_str() {
        "default" => Ok(GaussianizeOptions::default()),
        "paper" => Ok(GaussianizeOptions {
            layers: 5,
            coupling: Coupling::Marginal,
            rotation: Rotation::Ica,
            bandwidth_factor: 1.0,
            tails: Tails::Kernel,
            held_out: 0.0,
            ..Default::default()
        }),
        map => bail!("`map={map}`, but it must be `paper` or `default`"),
    }
}

/// Real and generated points: from files, or `n` points each of a mixture in `d` dimensions.
fn clouds(request: &mut Request) -> Result<(Array2<f64>, Array2<f64>)> {
    let (n, d) = (request.take("n", 10_000)?, request.take("d", 2)?);
    let mut cloud = |key: &str| match request.take(key, String::new())? {
        path if path.is_empty() => Ok(common::mixture(n, d, key)),
        path => {
            let found = table::read(Path::new(&path), &TableOptions::default());
            found.map(|found| found.points).with_context(|| path.clone())
        }
    };
    Ok((cloud("real")?, cloud("fake")?))
}
