//! What `gdiff likelihood --bits-per-dim` says.

use super::likelihoods::cell;
use super::narrow_table::narrow_table;
use super::visible::visible_cell;
use crate::diffusion::likelihood::bits_per_dim::BitsPerDim;
use crate::numeric::intervals::{mean_interval, paired_difference};

/// A table of the means of the bounds of each run, with the paired differences to the first where there are several; `of`
/// names the images.
pub fn bits_per_dim_text(of: &str, runs: &[(String, Vec<BitsPerDim>)]) -> String {
    let total = |bounds: &[BitsPerDim]| bounds.iter().map(BitsPerDim::total).collect::<Vec<f64>>();
    let mean = |bounds: &[BitsPerDim], term: &dyn Fn(&BitsPerDim) -> f64| {
        cell(mean_interval(&bounds.iter().map(term).collect::<Vec<f64>>()))
    };
    let mut header = ["run", "bits/dim", "prior", "steps", "decoder"].map(str::to_string).to_vec();
    if runs.len() > 1 {
        header.push("minus the first".to_string());
    }
    let first = runs.first().map(|(_, bounds)| total(bounds)).unwrap_or_default();
    let row = |(number, (label, bounds)): (usize, &(String, Vec<BitsPerDim>))| {
        let mut cells = vec![
            visible_cell(label).into_owned(),
            cell(mean_interval(&total(bounds))),
            mean(bounds, &|bound| bound.prior),
            mean(bounds, &|bound| bound.steps),
            mean(bounds, &|bound| bound.decoder),
        ];
        if runs.len() > 1 {
            cells.push(match number {
                0 => String::new(),
                _ => cell(paired_difference(&total(bounds), &first)),
            });
        }
        cells
    };
    let table = narrow_table(header, runs.iter().enumerate().map(row).collect());
    format!(
        "{} {}: the variational bound of the reverse process in all steps, of bytes from 0 to 255\n\n{table}\n\n+- is half of a 95 % interval over the images (Student's t; differences image by image): of these trained\nmodels, not of other trainings. A random byte takes 8 bits/dim.\n",
        first.len(),
        visible_cell(of)
    )
}
