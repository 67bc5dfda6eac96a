//! `points.csv`: the radii and sphere counts from which density and coverage are computed (the second paper's Figs. 4-6).

use ndarray::Array2;
use std::io::{self, Write};

/// Writes each real point `(m, d)` with its k-NN radius, and each generated one `(n, d)` with the number of real
/// spheres that hold it, under the header `kind, radius, spheres` and the names of
/// the axes.
///
/// # Errors
/// If the output cannot be written.
pub fn write_knn_radii(
    out: &mut dyn Write,
    axes: &[String],
    (real, radii): (&Array2<f64>, &[f64]),
    (generated, spheres): (&Array2<f64>, &[u32]),
) -> io::Result<()> {
    let mut writer = csv::WriterBuilder::new().has_headers(false).from_writer(out);
    writer.write_record(["kind", "radius", "spheres"].into_iter().chain(axes.iter().map(String::as_str)))?;
    for (row, radius) in real.rows().into_iter().zip(radii) {
        writer.serialize(("real", Some(radius), None::<u32>, row.to_vec()))?;
    }
    for (row, spheres) in generated.rows().into_iter().zip(spheres) {
        writer.serialize(("generated", None::<f64>, Some(spheres), row.to_vec()))?;
    }
    writer.flush()
}
