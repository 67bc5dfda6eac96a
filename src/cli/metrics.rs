//! `gdiff metrics`

use super::images::read_images;
use super::metrics_floor::{Beside, FloorOptions, beside_floor};
use super::{Failure, TableArgs, offered, print};
use crate::data::mixture::GaussianMixture;
use crate::data::table::file_bytes;
use crate::metrics::features::{
    FeatureKind, FrechetBootstrap, KernelDistance, KernelDistanceOptions, frechet_bootstrap,
    frechet_distance, kernel_distance,
};
use crate::metrics::prdc::advice::{uneven_counts, zero_radii};
use crate::metrics::{
    MetricsError, Prdc, RealManifold, energy_distance, log_likelihood_stats, mode_error, sliced_w2,
};
use crate::numeric::random::Stream;
use crate::report::note;
use crate::run::DeviceChoice;
use crate::spec;
use crate::store::atomic;
use candle_core::Device;
use clap::Args;
use ndarray::Array2;
use serde::Serialize;
use std::path::Path;
use std::path::PathBuf;

/// `gdiff metrics`
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Real points, a column for each axis: CSV or its like, gzipped or not, npy or npz; or real images: npy of uint8
    /// with axes (n, height, width) or (n, height, width, channels)
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
    /// What images become before they are compared: pixels or random [default: pixels]; a table's features are its columns
    #[arg(long, value_name = "NAME", value_parser = offered::features())]
    pub features: Option<FeatureKind>,
    /// Compute the Frechet distance (the FID, in inception features)
    #[arg(long)]
    pub frechet: bool,
    /// Compute the kernel distance (the KID, in inception features)
    #[arg(long)]
    pub kid: bool,
    /// Resamples of the interval of the Frechet distance [default: 50, or none where they would take long]
    #[arg(long, value_name = "N")]
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

/// What is printed.
#[derive(Serialize)]
struct Report {
    #[serde(flatten)]
    prdc: Prdc,
    sliced_w2: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    energy_distance: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mode_error: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    log_likelihood: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frechet: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frechet_interval: Option<FrechetBootstrap>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<KernelDistance>,
    /// What was compared, and the floor; of images, and where feature distances are asked for.
    #[serde(flatten)]
    compared: Option<Compared>,
}

/// What was compared, and what real points score against real points.
#[derive(Serialize)]
struct Compared {
    features: &'static str,
    dimensions: usize,
    real_count: usize,
    generated_count: usize,
    reference_sha256: String,
    seed: u64,
    #[serde(flatten)]
    beside: Option<Beside>,
}

impl Report {
    /// A line for each value, and what was compared.
    fn text(&self) -> String {
        let mut text = self.values();
        if let Some(frechet) = self.frechet {
            text += &format!("{:<16}{frechet:.6}", "frechet");
            if let Some(FrechetBootstrap { low, high, resamples, .. }) = self.frechet_interval {
                text += &format!("  (95 % {low:.6} to {high:.6}, {resamples} resamples)");
            }
            text.push('\n');
        }
        if let Some(KernelDistance { mean, std, subsets, size }) = self.kid {
            text += &format!("{:<16}{mean:.6}  (std {std:.6}, {subsets} subsets of {size})\n", "kid");
        }
        let Some(compared) = &self.compared else { return text };
        let Compared { features, dimensions, real_count, generated_count, reference_sha256, seed, beside } =
            compared;
        if let Some(beside) = beside {
            text += &beside.text();
        }
        text + &format!(
            "\n{generated_count} generated against {real_count} real, features: {features} ({dimensions} dimensions), seed {seed}\nreference sha256 {reference_sha256}\n"
        )
    }

    /// A line for each value.
    fn values(&self) -> String {
        let Prdc { precision, recall, density, coverage } = self.prdc;
        let lines = [
            ("precision", Some(precision), 4),
            ("recall", Some(recall), 4),
            ("density", Some(density), 4),
            ("coverage", Some(coverage), 4),
            ("sliced W2", Some(self.sliced_w2), 4),
            ("energy distance", self.energy_distance, 6),
            ("mode error", self.mode_error, 4),
            ("log-likelihood", self.log_likelihood, 4),
        ];
        let known = lines.into_iter().filter_map(|(name, value, digits)| Some((name, value?, digits)));
        known.map(|(name, value, digits)| format!("{name:<16}{value:.digits$}\n")).collect()
    }
}

/// Differences of coordinates for which the energy distance is computed unasked: some seconds on two cores.
const MOST_DIFFERENCES: f64 = 2e10;

/// Resamples of the interval of the Frechet distance that nobody asked for, and the multiplications that they may take.
const RESAMPLES: usize = 50;
const MOST_MULTIPLICATIONS: f64 = 2e11;

/// Both sets as feature vectors.
struct Sets {
    real: Array2<f64>,
    fake: Array2<f64>,
    features: &'static str,
    /// Whether they are features of images.
    of_images: bool,
    reference_sha256: String,
}

pub(super) fn metrics(args: &MetricsArgs) -> Result<(), Failure> {
    let device = args.device.open(&note);
    let device = device.map_err(|e| Failure::running(e.to_string()))?;
    let sets = sets(args, &device)?;
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
        args.frechet.then(|| frechet_distance(real.view(), fake.view())).transpose().map_err(wrong)?;
    let kid = || {
        let options = KernelDistanceOptions::default();
        kernel_distance(real.view(), fake.view(), &options, stream.child("subsets"))
    };
    let floor = FloorOptions { k: args.k, frechet: args.frechet, kid: args.kid };
    let report = Report {
        prdc,
        sliced_w2: sliced_w2(real.view(), fake.view()).map_err(wrong)?,
        energy_distance: match args.energy_distance || is_quick(real, fake) {
            true => energy_distance(real.view(), fake.view()).map_err(wrong)?,
            false => None,
        },
        mode_error,
        log_likelihood,
        frechet,
        frechet_interval: frechet.and_then(|f| interval(args, &sets, f, stream).transpose()).transpose()?,
        kid: args.kid.then(kid).transpose().map_err(wrong)?,
        compared: match sets.of_images || args.frechet || args.kid {
            true => Some(Compared {
                features: sets.features,
                dimensions: real.ncols(),
                real_count: real.nrows(),
                generated_count: fake.nrows(),
                reference_sha256: sets.reference_sha256.clone(),
                seed: args.seed,
                beside: beside_floor((real, fake), &floor, &device, stream).map_err(wrong)?,
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

/// A metric that refuses its points.
fn wrong(error: MetricsError) -> Failure {
    Failure::input(error.to_string())
}

/// Reads both sets: images of one size, or tables with the same columns.
fn sets(args: &MetricsArgs, device: &Device) -> Result<Sets, Failure> {
    let (real, fake) = (args.real.display(), args.fake.display());
    match (read_images(&args.real)?, read_images(&args.fake)?) {
        (Some(a), Some(b)) => {
            if a.shape() != b.shape() {
                let size = |(h, w, c): (usize, usize, usize)| format!("{h} x {w} pixels with {c} channel(s)");
                return Err(Failure::input(format!(
                    "{real} has images of {}, but {fake} of {}; both must have the same size and channels",
                    size(a.shape()),
                    size(b.shape())
                )));
            }
            let kind = match args.features.unwrap_or_default() {
                FeatureKind::Random { .. } => FeatureKind::Random { seed: args.seed },
                kind => kind,
            };
            Ok(Sets {
                real: kind.extract(&a, device).map_err(wrong)?,
                fake: kind.extract(&b, device).map_err(wrong)?,
                features: kind.name(),
                of_images: true,
                reference_sha256: a.sha256(),
            })
        }
        (None, None) if args.features.is_some() => Err(Failure::input(format!(
            "{real} and {fake} are tables, whose features are their columns; --features is for images: npy of uint8 with axes (n, height, width) or (n, height, width, channels)"
        ))),
        (None, None) => {
            let (real, fake) = tables(args)?;
            let bytes = file_bytes(&args.real).map_err(|e| Failure::input(e.to_string()))?;
            let reference_sha256 = atomic::digest(&bytes);
            Ok(Sets { real, fake, features: "columns", of_images: false, reference_sha256 })
        }
        (a, _) => {
            let (images, table) = if a.is_some() { (real, fake) } else { (fake, real) };
            Err(Failure::input(format!(
                "{images} holds images, but {table} is a table; both must be images of one size, or tables with the same axes"
            )))
        }
    }
}

/// Reads two tables with the same columns.
fn tables(args: &MetricsArgs) -> Result<(Array2<f64>, Array2<f64>), Failure> {
    let (real, fake) = (args.table.read(&args.real)?.points, args.table.read(&args.fake)?.points);
    if real.ncols() != fake.ncols() {
        return Err(Failure::input(format!(
            "{} has {} columns, but {} has {}; both tables must have the same axes",
            args.real.display(),
            real.ncols(),
            args.fake.display(),
            fake.ncols()
        )));
    }
    Ok((real, fake))
}

/// The interval of the Frechet distance, unless it would take long and nobody asked for it.
fn interval(
    args: &MetricsArgs,
    sets: &Sets,
    distance: f64,
    stream: Stream,
) -> Result<Option<FrechetBootstrap>, Failure> {
    let (n, m, d) = (sets.real.nrows() as f64, sets.fake.nrows() as f64, sets.real.ncols() as f64);
    let small = n.min(m).min(d);
    let once = (n * n.min(d) + m * m.min(d)) * d + small * small * (small + d);
    let resamples = match args.resamples {
        Some(resamples) => resamples,
        None if once * RESAMPLES as f64 <= MOST_MULTIPLICATIONS => RESAMPLES,
        None => {
            note(
                "the interval of the Frechet distance resamples both sets, which takes long with so many points and dimensions, and is left out; --resamples 50 computes it",
            );
            0
        }
    };
    if resamples < 2 {
        return Ok(None);
    }
    let stream = stream.child("resamples");
    frechet_bootstrap(sets.real.view(), sets.fake.view(), distance, stream, resamples)
        .map(Some)
        .map_err(wrong)
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
