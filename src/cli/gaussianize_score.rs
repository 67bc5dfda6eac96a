//! `gdiff gaussianize score`: the log-density that a fitted map gives to the rows of a table.

use super::{Failure, TableArgs, map_of_file::Map, print, refuse_input, write_table};
use clap::Args;
use ndarray::Axis;
use std::path::PathBuf;

/// `gdiff gaussianize score`
#[derive(Debug, Args)]
pub struct ScoreArgs {
    /// File of the fitted map
    pub map: PathBuf,
    /// Points, a column for each axis
    pub data: PathBuf,
    /// How they are read.
    #[command(flatten)]
    pub table: TableArgs,
    /// File for the log-density of each row (CSV, or npy by its name)
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Prints the mean log-density and its standard error, nats, and writes that of each row.
pub(super) fn score(args: &ScoreArgs) -> Result<(), Failure> {
    args.out.iter().try_for_each(|out| refuse_input(out, &[&args.map, &args.data]))?;
    let map = Map::read(&args.map)?;
    let points = map.points(&args.data, &args.table)?;
    if map.chain.lost_variance().is_some() {
        return Err(Failure::input(format!(
            "{}: the map keeps but {} components of {} columns, so a point has no density under it; fit it with rest = \"whiten\"",
            args.map.display(),
            map.space_names.len(),
            map.names.len()
        )));
    }
    let scores = map.chain.log_density(points.view());
    if let Some(out) = &args.out {
        write_table(out, &["log_density".to_string()], &scores.clone().insert_axis(Axis(1)))?;
    }
    let n = scores.len() as f64;
    let mean = scores.sum() / n;
    let variance = scores.mapv(|v| (v - mean).powi(2)).sum() / (n - 1.0);
    let largest_z = map.chain.forward(points.view()).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
    let error =
        if n > 1.0 { format!(", standard error {:.6}", (variance / n).sqrt()) } else { String::new() };
    let of = map.density_of();
    print(&format!(
        "mean log-density {mean:.6} nats over {n} points{of}{error}; largest |z| {largest_z:.3}\n"
    ))
}
