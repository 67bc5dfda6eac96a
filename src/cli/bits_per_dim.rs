//! `gdiff likelihood --bits-per-dim`: the variational bound of images under finished runs.

use super::{Failure, print, write_rows};
use crate::diffusion::likelihood::bits_per_dim::BitsPerDim;
use crate::report::{CountBar, bits_per_dim_text};
use crate::run::FinishedRun;
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
        let rows = found.iter().flat_map(|(label, bounds)| {
            let row = |(point, bound): (usize, &BitsPerDim)| {
                (label.clone(), point, bound.total(), bound.prior, bound.steps, bound.decoder)
            };
            bounds.iter().enumerate().map(row).collect::<Vec<_>>()
        });
        write_rows(out, &["run", "point", "bits_per_dim", "prior", "steps", "decoder"], rows)?;
    }
    print(&bits_per_dim_text(of, &found))
}
