//! `gdiff metrics`

use super::{Failure, TableArgs, print};
use crate::metrics::prdc::advice::{uneven_counts, zero_radii};
use crate::metrics::{Prdc, RealManifold, log_likelihood_stats};
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
    /// Spec whose mixture scores FAKE by its log-likelihood
    #[arg(long, value_name = "SPEC")]
    pub spec: Option<PathBuf>,
    /// Where distances are computed: auto, cpu, cuda or cuda:N; a GPU takes part from 256 dimensions on
    #[arg(long, default_value = "auto", value_name = "DEVICE")]
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
    #[serde(skip_serializing_if = "Option::is_none")]
    log_likelihood: Option<f64>,
}

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
    let wrong = |e: crate::metrics::MetricsError| Failure::input(e.to_string());
    let device = args.device.open(&note);
    let device = device.map_err(|e| Failure::running(e.to_string()))?;
    let manifold = RealManifold::on(&device, real.view(), args.k).map_err(wrong)?;
    let advice = [uneven_counts(real.nrows(), fake.nrows()), zero_radii(manifold.radii(), "real")];
    advice.iter().flatten().for_each(|notice| note(notice));
    let prdc = manifold.prdc(fake.view()).map_err(wrong)?;
    let log_likelihood = match &args.spec {
        Some(path) => Some(log_likelihood(path, &fake, &args.fake)?),
        None => None,
    };
    let report = Report { prdc, log_likelihood };
    if args.json {
        let text = serde_json::to_string(&report).map_err(|e| Failure::running(e.to_string()))?;
        return print(&format!("{text}\n"));
    }
    let mut text = format!(
        "precision       {:.4}\nrecall          {:.4}\ndensity         {:.4}\ncoverage        {:.4}\n",
        prdc.precision, prdc.recall, prdc.density, prdc.coverage
    );
    if let Some(value) = log_likelihood {
        text += &format!("log-likelihood  {value:.4}\n");
    }
    print(&text)
}

/// Mean log-likelihood of the points under the mixture of a spec (G 25).
fn log_likelihood(spec_path: &Path, points: &Array2<f64>, points_path: &Path) -> Result<f64, Failure> {
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
    let mean = log_likelihood_stats(&mixture.log_density(points.view()).to_vec(), f64::NEG_INFINITY).mean;
    if mean.is_finite() {
        Ok(mean)
    } else {
        Err(Failure::input(format!(
            "{}: a point is so far from the mixture that its log-likelihood is not a number",
            points_path.display()
        )))
    }
}
