//! `gdiff metrics`

use super::metrics_floor::{FloorOptions, beside_floor, finite_frechet};
use super::metrics_report::{Compared, Report, Scores};
use super::metrics_sets::{FeatureArgs, Sets, SetsAt, wrong};
use super::{Failure, TableArgs, offered, print};
use crate::data::mixture::GaussianMixture;
use crate::metrics::features::{
    KernelDistance, KernelDistanceOptions, PARTS, frechet_bootstrap, inception_score, kernel_distance,
    kernel_interval,
};
use crate::metrics::prdc::advice::{uneven_counts, zero_radii};
use crate::metrics::{
    Prdc, PrdcIntervals, RealManifold, ResampledInterval, energy_distance, log_likelihood_stats, mode_error,
    prdc_intervals, sliced_w2,
};
use crate::numeric::random::Stream;
use crate::report::note;
use crate::run::DeviceChoice;
use crate::spec;
use candle_core::Device;
use clap::Args;
use ndarray::Array2;
use std::path::Path;
use std::path::PathBuf;

/// `gdiff metrics`
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Real points, a column for each axis: CSV or its like, gzipped or not, npy or npz; or real images: a folder of PNG,
    /// JPEG or WebP files, idx, CIFAR's binary files, or npy of uint8 with axes (n, height, width) or (n, height, width,
    /// channels)
    pub real: PathBuf,
    /// Generated points: a table with the same columns; or images of the same size
    pub fake: PathBuf,
    /// How both are read.
    #[command(flatten)]
    pub table: TableArgs,
    /// Nearest neighbours of PRDC
    #[arg(long, default_value_t = 5, value_name = "N")]
    pub k: usize,
    /// Spec whose mixture scores FAKE by its log-likelihood and its mode weights
    #[arg(long, value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// Compute the energy distance of tables of any size: it compares all pairs of points
    #[arg(long)]
    pub energy_distance: bool,
    /// What images become.
    #[command(flatten)]
    pub features: FeatureArgs,
    /// Compute the Frechet distance (the FID, in inception features)
    #[arg(long)]
    pub frechet: bool,
    /// Compute the kernel distance (the KID, in inception features)
    #[arg(long)]
    pub kid: bool,
    /// Resamples of the intervals [default: 50, or none where they would take long]
    #[arg(long, value_name = "N", value_parser = resamples)]
    pub resamples: Option<usize>,
    /// Seed of random features, and of the draws of halves, subsets and resamples
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub seed: u64,
    /// Where distances are computed: auto, cpu, cuda or cuda:N; a GPU takes part from 256 dimensions on
    #[arg(long, default_value = "auto", value_name = "DEVICE", value_parser = offered::devices())]
    pub device: DeviceChoice,
    /// Print JSON instead of a table
    #[arg(long)]
    pub json: bool,
}

/// Differences of coordinates for which the energy distance is computed unasked: some seconds on two cores.
const MOST_DIFFERENCES: f64 = 2e10;

/// Resamples of the intervals that nobody asked for, and the multiplications that each interval may take.
const RESAMPLES: usize = 50;
const MOST_MULTIPLICATIONS: f64 = 2e11;

/// More resamples than this are a typing error: the standard deviation is known to half a per cent then.
const MOST_RESAMPLES: usize = 20_000;

/// A number of resamples.
fn resamples(text: &str) -> Result<usize, String> {
    let count = text.parse::<usize>().ok().filter(|count| *count <= MOST_RESAMPLES);
    count.ok_or_else(|| format!("it must be a whole number from 0, for no intervals, to {MOST_RESAMPLES}"))
}

pub(super) fn metrics(args: &MetricsArgs) -> Result<(), Failure> {
    let device = args.device.open(&note);
    let device = device.map_err(|e| Failure::running(e.to_string()))?;
    let at = SetsAt { real: &args.real, fake: &args.fake, table: &args.table, seed: args.seed };
    let sets = at.read(&args.features, &device)?;
    let (real, fake) = (&sets.real, &sets.fake);
    let manifold = RealManifold::on(&device, real.view(), args.k).map_err(wrong)?;
    let advice = [uneven_counts(real.nrows(), fake.nrows()), zero_radii(manifold.radii(), "real")];
    advice.iter().flatten().for_each(|notice| note(notice));
    let prdc = manifold.prdc(fake.view()).map_err(wrong)?;
    let mixture = args.spec.as_deref().map(|spec| mixture(spec, fake, &args.fake)).transpose()?;
    let under_mixture = |mixture: &GaussianMixture| density_metrics(mixture, fake, &args.fake);
    let (log_likelihood, mode_error) = mixture.as_ref().map(under_mixture).transpose()?.unzip();
    let stream = Stream::new(args.seed, 0, "feature_metrics");
    let frechet =
        args.frechet.then(|| finite_frechet(real.view(), fake.view())).transpose().map_err(wrong)?;
    let kid = || {
        let options = KernelDistanceOptions::default();
        kernel_distance(real.view(), fake.view(), &options, stream.child("subsets"))
    };
    let kid = args.kid.then(kid).transpose().map_err(wrong)?;
    let floor = FloorOptions { k: args.k, frechet: args.frechet, kid: args.kid };
    let with_origin = sets.of_images || args.frechet || args.kid;
    let intervals = match with_origin {
        true => intervals(args, &sets, (&prdc, frechet, kid), &device, stream)?,
        false => Intervals::default(),
    };
    let report = Report {
        prdc,
        prdc_intervals: intervals.prdc,
        sliced_w2: sliced_w2(real.view(), fake.view()).map_err(wrong)?,
        energy_distance: match args.energy_distance || is_quick(real, fake) {
            true => energy_distance(real.view(), fake.view()).map_err(wrong)?,
            false => None,
        },
        mode_error,
        log_likelihood,
        frechet,
        frechet_interval: intervals.frechet,
        kid,
        kid_interval: intervals.kid,
        inception_score: sets.probabilities.as_ref().map(scores).transpose()?,
        compared: match with_origin {
            true => Some(Compared {
                origin: sets.origin.clone(),
                dimensions: real.ncols(),
                real_count: real.nrows(),
                generated_count: fake.nrows(),
                seed: args.seed,
                beside: beside_floor((real, fake), sets.probabilities.as_ref(), &floor, &device, stream)
                    .map_err(wrong)?,
            }),
            false => None,
        },
    };
    if args.json {
        let text = serde_json::to_string(&report).map_err(|e| Failure::running(e.to_string()))?;
        return print(&format!("{text}\n"));
    }
    print(&report.text())
}

/// The inception scores of real and generated images.
fn scores((real, fake): &(Array2<f64>, Array2<f64>)) -> Result<Scores, Failure> {
    let score = |p: &Array2<f64>| inception_score(p.view(), PARTS).map_err(wrong);
    Ok(Scores { generated: score(fake)?, parts: PARTS, real: score(real)? })
}

/// How far the values would move with other points.
#[derive(Default)]
struct Intervals {
    prdc: Option<PrdcIntervals>,
    frechet: Option<ResampledInterval>,
    kid: Option<ResampledInterval>,
}

/// The intervals, but those that would take long and nobody asked for.
fn intervals(
    args: &MetricsArgs,
    sets: &Sets,
    (prdc, frechet, kid): (&Prdc, Option<f64>, Option<KernelDistance>),
    device: &Device,
    stream: Stream,
) -> Result<Intervals, Failure> {
    let (real, fake) = (sets.real.view(), sets.fake.view());
    let (n, m, d) = (real.nrows() as f64, fake.nrows() as f64, real.ncols() as f64);
    let (small, pairs) = (n.min(m).min(d), 0.5 * (n + m) * (n + m) * d);
    let many = RESAMPLES as f64;
    let frechet_once = (n * n.min(d) + m * m.min(d)) * d + small * small * (small + d);
    // Halves have a quarter of the pairs; the kernel distance computes all pairs once, whatever the resamples.
    let costs = [
        ("frechet", frechet.is_some(), frechet_once * many),
        ("kid", kid.is_some() && n.min(m) >= 4.0, pairs),
        ("prdc", n.min(m) / 2.0 >= args.k as f64 + 1.0, 0.25 * pairs * many),
    ];
    let resamples = args.resamples.unwrap_or(RESAMPLES);
    let wanted = |name: &str| {
        let (_, possible, cost) = costs.iter().find(|(of, ..)| *of == name).expect("one of the three");
        *possible && resamples > 1 && (args.resamples.is_some() || *cost <= MOST_MULTIPLICATIONS)
    };
    let left_out: Vec<&str> = costs
        .iter()
        .filter(|(name, possible, _)| *possible && resamples > 1 && !wanted(name))
        .map(|(name, ..)| *name)
        .collect();
    if !left_out.is_empty() {
        note(&format!(
            "the intervals of {} resample both sets, which takes long with so many points and dimensions, and are left out; --resamples {RESAMPLES} computes them",
            left_out.join(", ")
        ));
    }
    let of_frechet = |distance| {
        frechet_bootstrap(real, fake, distance, stream.child("resamples"), resamples).map_err(wrong)
    };
    let of_kid = |kid: KernelDistance| {
        kernel_interval(real, fake, kid.mean, stream.child("kid halves"), resamples).map_err(wrong)
    };
    let of_prdc = || {
        let stream = stream.child("prdc halves");
        prdc_intervals(device, (real, fake), (args.k, prdc), stream, resamples).map_err(wrong)
    };
    Ok(Intervals {
        prdc: wanted("prdc").then(of_prdc).transpose()?,
        // Of a distance whose square leaves the range of numbers there is none.
        frechet: frechet
            .filter(|_| wanted("frechet"))
            .map(of_frechet)
            .transpose()?
            .filter(|interval| interval.high.is_finite()),
        kid: kid.filter(|_| wanted("kid")).map(of_kid).transpose()?,
    })
}

/// Whether the energy distance takes no more than some seconds; a notice says where it does not.
fn is_quick(real: &Array2<f64>, fake: &Array2<f64>) -> bool {
    let (n, m, d) = (real.nrows() as f64, fake.nrows() as f64, real.ncols());
    let pairs = n * m + 0.5 * (n * n + m * m);
    // A root takes as long as the differences of several coordinates.
    let quick = d == 1 || pairs * d.max(4) as f64 <= MOST_DIFFERENCES;
    if !quick {
        note(&format!(
            "the energy distance compares all pairs of points, {pairs:.0e} of them, and is left out; --energy-distance computes it"
        ));
    }
    quick
}

/// The mixture of a spec, whose dimension is that of the points.
fn mixture(spec_path: &Path, points: &Array2<f64>, points_path: &Path) -> Result<GaussianMixture, Failure> {
    let plan = spec::read(spec_path, &[])?.base;
    let mixture = plan.data.source.mixture().ok_or_else(|| {
        Failure::input(format!("{}: its data are no mixture, so no density is known", spec_path.display()))
    })?;
    if mixture.dim() != points.ncols() {
        return Err(Failure::input(format!(
            "{} has {} columns, but the mixture of {} has {} dimensions",
            points_path.display(),
            points.ncols(),
            spec_path.display(),
            mixture.dim()
        )));
    }
    Ok(mixture.clone())
}

/// Mean log-likelihood (G 25) and mode error of the points under a mixture.
fn density_metrics(
    mixture: &GaussianMixture,
    points: &Array2<f64>,
    points_path: &Path,
) -> Result<(f64, f64), Failure> {
    let mean = log_likelihood_stats(&mixture.log_density(points.view()).to_vec(), f64::NEG_INFINITY).mean;
    let error = mode_error(mixture, points.view()).map_err(|e| Failure::input(e.to_string()))?;
    if mean.is_finite() && error.is_finite() {
        Ok((mean, error))
    } else {
        Err(Failure::input(format!(
            "{}: a point is so far from the mixture that its log-likelihood is not a number",
            points_path.display()
        )))
    }
}
