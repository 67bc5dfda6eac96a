//! `gdiff gaussianize`: the map as a tool on a table of one's own.

use super::{Failure, print, read_table, write_table};
use crate::cli::{FitArgs, GaussianizeCommand, MapArgs, MapSampleArgs};
use crate::experiment::files;
use crate::gaussianize::Gaussianizer;
use crate::numeric::random::Stream;
use crate::report::fit_table;
use crate::spec::gaussianize_options;
use ndarray::{Array2, ArrayView2};
use std::path::Path;

pub(super) fn gaussianize(command: &GaussianizeCommand) -> Result<(), Failure> {
    match command {
        GaussianizeCommand::Fit(args) => fit(args),
        GaussianizeCommand::Apply(args) => apply(args),
        GaussianizeCommand::Invert(args) => invert(args),
        GaussianizeCommand::Sample(args) => sample(args),
    }
}

fn fit(args: &FitArgs) -> Result<(), Failure> {
    let points = read_table(&args.data)?;
    let options = gaussianize_options(points.ncols(), &args.overrides())?;
    let stream = Stream::new(args.seed, 0, "gaussianize");
    let (map, report) = Gaussianizer::fit(points.view(), &options, &stream, &mut |_, _| {})
        .map_err(|e| Failure::input(format!("{}: {e}", args.data.display())))?;
    let bytes = map.to_safetensors().map_err(|e| Failure::running(e.to_string()))?;
    files::write(&args.out, |out| out.write_all(&bytes))?;
    if let Some(path) = &args.report {
        crate::experiment::write_fit(path, &report)?;
    }
    print(&fit_table(&report))
}

fn apply(args: &MapArgs) -> Result<(), Failure> {
    let (map, points) = (read_map(&args.map)?, read_table(&args.data)?);
    fits(&map, points.view(), args)?;
    let mean = map.log_density(points.view()).mean().unwrap_or(f64::NAN);
    write_finite(&args.out, &map.forward(points.view()))?;
    print(&format!("mean log-density {mean:.6} nats over {} points\n", points.nrows()))
}

fn invert(args: &MapArgs) -> Result<(), Failure> {
    let (map, points) = (read_map(&args.map)?, read_table(&args.data)?);
    fits(&map, points.view(), args)?;
    write_finite(&args.out, &map.inverse(points.view()))
}

fn sample(args: &MapSampleArgs) -> Result<(), Failure> {
    let map = read_map(&args.map)?;
    let z = Stream::new(args.seed, 0, "gaussianize sample").standard_normal(0, args.count.get(), map.dim());
    write_finite(&args.out, &map.inverse(z.view()))
}

fn read_map(path: &Path) -> Result<Gaussianizer, Failure> {
    let wrong = |e: &dyn std::fmt::Display| Failure::input(format!("{}: {e}", path.display()));
    let bytes = std::fs::read(path).map_err(|e| wrong(&format!("cannot be read: {e}")))?;
    Gaussianizer::from_safetensors(&bytes).map_err(|e| wrong(&e))
}

/// The table must have the map's dimension.
fn fits(map: &Gaussianizer, points: ArrayView2<f64>, args: &MapArgs) -> Result<(), Failure> {
    if map.dim() == points.ncols() {
        return Ok(());
    }
    Err(Failure::input(format!(
        "{} has {} columns, but the map of {} is for {}",
        args.data.display(),
        points.ncols(),
        args.map.display(),
        map.dim()
    )))
}

fn write_finite(path: &Path, points: &Array2<f64>) -> Result<(), Failure> {
    if points.iter().all(|v| v.is_finite()) {
        write_table(path, points)
    } else {
        Err(Failure::running("a point is so far out that the map leaves the range of numbers"))
    }
}
