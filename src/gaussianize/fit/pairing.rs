//! Which components of a layer form pairs.

use ndarray::ArrayView2;

use crate::gaussianize::thin::thin_columns;
use crate::numeric::wasserstein::{normal_quantiles, squared_w2};

/// Most points used.
const POINTS: usize = 4096;

/// Pairs of the chosen components, the farthest from Gaussian first; an odd one is left over.
pub(crate) fn pair_up(sources: ArrayView2<f64>, chosen: &[bool]) -> Vec<(usize, usize)> {
    let some = thin_columns(sources, POINTS);
    let quantiles = normal_quantiles(some.ncols());
    let mut order: Vec<(f64, usize)> = (0..sources.nrows())
        .filter(|j| chosen[*j])
        .map(|j| (squared_w2(&mut some.row(j).to_vec(), &quantiles), j))
        .collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    order.chunks_exact(2).map(|pair| (pair[0].1, pair[1].1)).collect()
}
