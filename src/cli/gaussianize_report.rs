//! `gdiff gaussianize report`: a page about a table before and after a map.

use super::map_of_file::MapInput;
use super::{Failure, print};
use crate::numeric::intervals::mean_and_error;
use crate::report::{MapResults, map_page};
use crate::space::{Chain, Fitted, Whitening};
use crate::store::atomic;
use clap::Args;
use ndarray::{Array2, Axis};
use std::path::{Path, PathBuf};

/// `gdiff gaussianize report`
#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The map and the points.
    #[command(flatten)]
    pub input: MapInput,
    /// File of the page (HTML)
    #[arg(long, value_name = "FILE")]
    pub out: PathBuf,
}

/// Points farther out have no distances.
const FARTHEST: f64 = 1e150;

pub(super) fn report(args: &ReportArgs) -> Result<(), Failure> {
    args.input.refuse_as_output(&args.out)?;
    let (map, points) = args.input.read()?;
    let (mapped, log_density) = map.chain.forward_with_log_density(points.view());
    // Distances and correlations are made of squares, of which thousands are added.
    let far = |x: &Array2<f64>| x.rows().into_iter().position(|row| !row.iter().all(|v| v.abs() < FARTHEST));
    if let Some(row) = far(&mapped).or_else(|| far(&points)) {
        return Err(Failure::running(format!(
            "{}: point {row}, counted from 0, is so far out that distances leave the range of numbers; leave it out, or rescale the data",
            args.input.data.display()
        )));
    }
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let one_normal = Whitening::fit(points.view())
        .ok()
        .and_then(|whitening| Chain::new(vec![Fitted::Whitening(whitening)]).mean_log_density(points.view()));
    let results = MapResults {
        name: name(&args.input.map),
        data: name(&args.input.data),
        log_density: (map.chain.lost_variance().is_none() && log_density.iter().all(|v| v.is_finite()))
            .then(|| mean_and_error(&log_density.to_vec())),
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
