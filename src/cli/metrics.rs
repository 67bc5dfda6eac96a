//! `gdiff metrics`

use super::{Failure, TableArgs, offered, print};
use crate::data::mixture::GaussianMixture;
use crate::metrics::prdc::advice::{uneven_counts, zero_radii};
use crate::metrics::{
    MetricsError, Prdc, RealManifold, energy_distance, log_likelihood_stats, mode_error, sliced_w2,
};
use crate::report::note;
use crate::run::DeviceChoice;
use crate::spec;
use clap::Args;
use ndarray::Array2;
use serde::Serialize;
use std::path::Path;
use std::path::PathBuf;

/// `gdiff metrics`
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Real points, a column for each axis: CSV or its like, gzipped or not, npy or npz
    pub real: PathBuf,
    /// Generated points: a table with the same columns
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
}

impl Report {
    /// A line for each value.
    fn text(&self) -> String {
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

pub(super) fn metrics(args: &MetricsArgs) -> Result<(), Failure> {
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
    let wrong = |e: MetricsError| Failure::input(e.to_string());
    let device = args.device.open(&note);
    let device = device.map_err(|e| Failure::running(e.to_string()))?;
    let manifold = RealManifold::on(&device, real.view(), args.k).map_err(wrong)?;
    let advice = [uneven_counts(real.nrows(), fake.nrows()), zero_radii(manifold.radii(), "real")];
    advice.iter().flatten().for_each(|notice| note(notice));
    let prdc = manifold.prdc(fake.view()).map_err(wrong)?;
    let mixture = args.spec.as_deref().map(|spec| mixture(spec, &fake, &args.fake)).transpose()?;
    let under_mixture = |mixture: &GaussianMixture| density_metrics(mixture, &fake, &args.fake);
    let (log_likelihood, mode_error) = mixture.as_ref().map(under_mixture).transpose()?.unzip();
    let report = Report {
        prdc,
        sliced_w2: sliced_w2(real.view(), fake.view()).map_err(wrong)?,
        energy_distance: match args.energy_distance || is_quick(&real, &fake) {
            true => energy_distance(real.view(), fake.view()).map_err(wrong)?,
            false => None,
        },
        mode_error,
        log_likelihood,
    };
    if args.json {
        let text = serde_json::to_string(&report).map_err(|e| Failure::running(e.to_string()))?;
        return print(&format!("{text}\n"));
    }
    print(&report.text())
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
