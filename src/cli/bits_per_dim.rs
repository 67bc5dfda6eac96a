//! `gdiff likelihood --bits-per-dim`: the variational bound of images under finished runs.

use super::{Failure, print};
use crate::diffusion::likelihood::bits_per_dim::BitsPerDim;
use crate::report::{CountBar, bits_per_dim_text};
use crate::run::FinishedRun;
use crate::store::atomic;
use crate::store::leftovers::remove_leftovers;
use ndarray::Array2;
use std::path::Path;

/// Prints the bound of each run at its points, and writes those of each image to a file that is asked for; `of` names the
/// images.
pub(super) fn bits_per_dim(
    of: &str,
    runs: &[FinishedRun],
    points: &[Array2<f64>],
    labels: Vec<String>,
    out: Option<&Path>,
) -> Result<(), Failure> {
    let steps = runs.iter().map(|run| run.plan().schedule.steps()).sum();
    let bar = CountBar::new("bits/dim", steps);
    let bound = |((run, points), label): ((&FinishedRun, &Array2<f64>), String)| {
        let mut count = |_: usize| {
            bar.add(1);
            Ok(())
        };
        match run.bits_per_dim(points.view(), &mut count) {
            Ok(bounds) => Ok((label, bounds)),
            Err(e) => Err(Failure::input(format!("{label}: {e}"))),
        }
    };
    let found = runs.iter().zip(points).zip(labels).map(bound).collect::<Result<Vec<_>, _>>()?;
    drop(bar);
    if let Some((label, image)) = found.iter().find_map(|(label, bounds)| {
        let image = bounds.iter().position(|bound| !bound.total().is_finite())?;
        Some((label, image))
    }) {
        return Err(Failure::running(format!(
            "{label}: the bound of image {image} leaves the range of numbers; the network predicts it so badly that it has no bits/dim"
        )));
    }
    if let Some(out) = out {
        write(out, &found)?;
    }
    print(&bits_per_dim_text(of, &found))
}

/// Writes a row for each image and run, whole or not at all.
fn write(out: &Path, found: &[(String, Vec<BitsPerDim>)]) -> Result<(), Failure> {
    out.parent().map_or(Ok(()), remove_leftovers)?;
    atomic::write(out, |file| {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(file);
        writer.write_record(["run", "point", "bits_per_dim", "prior", "steps", "decoder"])?;
        for (label, bounds) in found {
            for (point, bound) in bounds.iter().enumerate() {
                writer.serialize((label, point, bound.total(), bound.prior, bound.steps, bound.decoder))?;
            }
        }
        writer.flush()
    })?;
    Ok(())
}
