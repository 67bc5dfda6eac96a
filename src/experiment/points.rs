//! `points.csv`: what density and coverage are made of, point by point (the second paper's Figs. 4-6).

use super::error::{ExperimentError, StageError};
use super::files;
use crate::metrics::RealManifold;
use ndarray::Array2;
use std::path::Path;

/// Writes each real point with its k-NN radius, and each generated one with the number of real spheres
/// that hold it, under the header `kind, radius, spheres, x0, x1, ...`.
///
/// # Errors
/// If a generated point is not finite or the file cannot be written.
pub fn write(
    path: &Path,
    manifold: &RealManifold,
    real: &Array2<f64>,
    generated: &Array2<f64>,
) -> Result<(), ExperimentError> {
    let spheres = manifold.spheres_holding(generated.view()).map_err(|e| ExperimentError::Stage {
        run: path.display().to_string(),
        stage: "points",
        source: StageError::from(e),
    })?;
    files::write(path, |out| {
        let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
        let axes: Vec<String> = (0..real.ncols()).map(|j| format!("x{j}")).collect();
        writer
            .write_record(["kind", "radius", "spheres"].into_iter().chain(axes.iter().map(String::as_str)))?;
        for (row, radius) in real.rows().into_iter().zip(manifold.radii()) {
            writer.serialize(("real", Some(radius), None::<u32>, row.to_vec()))?;
        }
        for (row, spheres) in generated.rows().into_iter().zip(&spheres) {
            writer.serialize(("generated", None::<f64>, Some(spheres), row.to_vec()))?;
        }
        writer.flush()
    })
}
