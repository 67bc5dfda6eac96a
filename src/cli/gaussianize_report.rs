//! `gdiff gaussianize report`: a page about a table before and after a map.

use super::map_of_file::Map;
use super::{Failure, TableArgs, print, refuse_input};
use crate::report::{MapResults, map_page};
use crate::space::{Chain, Fitted, Whitening};
use crate::store::atomic;
use clap::Args;
use ndarray::{Array2, ArrayView2, Axis};
use std::path::{Path, PathBuf};

/// `gdiff gaussianize report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// File of the fitted map
    pub map: PathBuf,
    /// Points, a column for each axis
    pub data: PathBuf,
    /// How they are read.
    #[command(flatten)]
    pub table: TableArgs,
    /// File of the page (HTML)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

pub(super) fn report(args: &ReportArgs) -> Result<(), Failure> {
    refuse_input(&args.out, &[&args.map, &args.data])?;
    let map = Map::read(&args.map)?;
    let points = map.points(&args.data, &args.table)?;
    let mapped = map.chain.forward(points.view());
    if !mapped.iter().all(|v| v.is_finite()) {
        return Err(Failure::running("a point is so far out that the map leaves the range of numbers"));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let one_normal = Whitening::fit(points.view())
        .ok()
        .and_then(|whitening| Chain::new(vec![Fitted::Whitening(whitening)]).mean_log_density(points.view()));
    let results = MapResults {
        name: name(&args.map),
        data: name(&args.data),
        log_density: log_density(&map.chain, points.view()),
        one_normal: one_normal.filter(|v| v.is_finite()),
        round_trip: round_trip(&points, &map.chain.inverse(mapped.view())),
        columns: map.names,
        points,
        mapped,
    };
    let (page, text) = map_page(&results).map_err(Failure::running)?;
    atomic::write(&args.out, |out| out.write_all(page.as_bytes()))?;
    print(&text)
}

/// Mean of the log-density of points `(n, d)` with its standard error; none where it is no number, or where axes are dropped.
fn log_density(chain: &Chain, points: ArrayView2<f64>) -> Option<(f64, f64)> {
    if chain.lost_variance().is_some() {
        return None;
    }
    let each = chain.log_density(points);
    let mean = each.mean()?;
    let error = each.std(1.0) / (each.len() as f64).sqrt();
    mean.is_finite().then_some((mean, if error.is_finite() { error } else { 0.0 }))
}

/// Largest difference of a point and what comes back of it, in standard deviations of its column.
fn round_trip(points: &Array2<f64>, back: &Array2<f64>) -> f64 {
    let spread = points.std_axis(Axis(0), 0.0);
    let apart = (points - back).mapv(f64::abs);
    apart
        .columns()
        .into_iter()
        .zip(&spread)
        .flat_map(|(column, std)| {
            column.iter().map(|v| v / if *std > 0.0 { *std } else { 1.0 }).collect::<Vec<_>>()
        })
        .fold(0.0, f64::max)
}
