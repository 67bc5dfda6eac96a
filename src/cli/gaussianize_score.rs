//! `gdiff gaussianize score`: the log-density that a fitted map gives to the rows of a table.

use super::map_of_file::MapInput;
use super::{Failure, print, write_table};
use crate::numeric::intervals::mean_and_error;
use clap::Args;
use ndarray::Axis;
use std::path::PathBuf;

/// `gdiff gaussianize score`
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// The map and the points.
    #[command(flatten)]
    pub input: MapInput,
    /// File for the log-density of each row (CSV, or npy by its name)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Prints the mean log-density and its standard error, nats, and writes that of each row.
pub(super) fn score(args: &ScoreArgs) -> Result<(), Failure> {
    args.out.iter().try_for_each(|out| args.input.refuse_as_table(out))?;
    let (map, points) = args.input.read()?;
    if map.chain.lost_variance().is_some() {
        return Err(Failure::input(format!(
            "{}: the map keeps but {} components of {} columns, so a point has no density under it; fit it with rest = \"whiten\"",
            args.input.map.display(),
            map.space_names.len(),
            map.names.len()
        )));
    }
    let (z, scores) = map.chain.forward_with_log_density(points.view());
    if let Some(row) = scores.iter().position(|score| !score.is_finite()) {
        return Err(Failure::running(format!(
            "{}: row {row} (from 0) lies so far out that its log-density is below the range of numbers; leave it out",
            args.input.data.display()
        )));
    }
    if let Some(out) = &args.out {
        write_table(out, &["log_density".to_string()], &scores.clone().insert_axis(Axis(1)))?;
    }
    let n = scores.len();
    let (mean, error) = mean_and_error(&scores.to_vec());
    let largest_z = z.iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let error = if n > 1 { format!(", standard error {error:.6}") } else { String::new() };
    let of = map.density_of();
    print(&format!(
        "mean log-density {mean:.6} nats over {n} points{of}{error}; largest |z| {largest_z:.3}\n"
    ))
}
