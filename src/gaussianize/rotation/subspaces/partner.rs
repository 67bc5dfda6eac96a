//! The direction that depends most on a given one.

use ndarray::{Array1, Array2, ArrayView1, Axis};
use ndarray_linalg::{Eigh, UPLO};

use super::outside;
use crate::gaussianize::dependence::{cells, deviance};
use crate::numeric::random::Stream;

/// Random starts of the search by third moments, and the most steps of each.
const STARTS: usize = 4;
const STEPS: usize = 40;
/// Change of a direction's cosine below which it has come to rest.
const AT_REST: f64 = 1e-7;
/// Shortest part of a direction outside the directions in use.
const LEAST: f64 = 0.5;

/// A direction and how much it depends on another.
pub(super) struct Partner {
    pub axis: Array1<f64>,
    /// [`deviance`] of the two.
    pub dependence: f64,
}

/// The direction at right angles to the orthonormal rows of `taken` on which `source`, one value for each column of the
/// whitened points `x` `(d, n)`, depends most; none where there is no such direction.
///
/// The directions tried are those of largest `|E[s (w x)^2]|`, `|E[(s^2 - 1) (w x)^2]|` (eigenvectors) and
/// `|E[s He_3(w x)]|` (power iteration, De Lathauwer et al. 2000): a dependence of the partner's mean or variance on the
/// source that is linear in Hermite polynomials of low order is in one of them. The largest mutual information decides.
///
/// # Errors
/// A sentence when a factorization fails.
pub(super) fn partner(
    x: &Array2<f64>,
    source: ArrayView1<f64>,
    taken: &Array2<f64>,
    stream: &Stream,
) -> Result<Option<Partner>, String> {
    let outside = |v: Array1<f64>| -> Option<Array1<f64>> {
        let (part, length) = outside(&v, taken);
        (length > LEAST * v.dot(&v).sqrt()).then_some(part)
    };
    let mut found: Vec<Array1<f64>> = Vec::new();
    for weights in [source.to_owned(), source.mapv(|s| s * s - 1.0)] {
        let moments = (x * &weights).dot(&x.t()) / x.ncols() as f64;
        let within = &moments - &taken.t().dot(&taken.dot(&moments));
        let within = &within - &within.dot(&taken.t()).dot(taken);
        let (_, vectors) = within.eigh(UPLO::Lower).map_err(|e| e.to_string())?;
        for column in [0, x.nrows() - 1] {
            found.extend(outside(vectors.column(column).to_owned()));
        }
    }
    for start in stream.standard_normal(0, STARTS, x.nrows()).axis_iter(Axis(0)) {
        found.extend(outside(start.to_owned()).and_then(|start| by_third_moment(x, source, start, &outside)));
    }
    let source = cells(source);
    let judged = found.into_iter().map(|axis| {
        let dependence = deviance(&source, &cells(axis.dot(x).view()));
        Partner { axis, dependence }
    });
    Ok(judged.max_by(|a, b| a.dependence.total_cmp(&b.dependence)))
}

/// Power iteration on `E[s He_2(w x) x]`, whose fixed points are the stationary directions of `E[s He_3(w x)]`.
fn by_third_moment(
    x: &Array2<f64>,
    source: ArrayView1<f64>,
    mut axis: Array1<f64>,
    outside: &impl Fn(Array1<f64>) -> Option<Array1<f64>>,
) -> Option<Array1<f64>> {
    for _ in 0..STEPS {
        let mut weights = axis.dot(x);
        weights.zip_mut_with(&source, |v, s| *v = s * (*v * *v - 1.0));
        let next = outside(x.dot(&weights))?;
        let turned = 1.0 - next.dot(&axis).abs();
        axis = next;
        if turned < AT_REST {
            break;
        }
    }
    Some(axis)
}
