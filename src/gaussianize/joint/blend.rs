//! The density of a pair of components as a weighted sum of the kernel density and of Gaussian mixtures of several sizes, on
//! the kernel density's grid.
//!
//! A kernel density has a small error everywhere; a mixture has next to none where the data are curved gently and a large one
//! where it has too few components. The weights maximise the density of points left out (stacking, Smyth & Wolpert 1999):
//! `results/gaussianize/tables.md` shows what comes of it on moons and sines.

use ndarray::Array1;
use rayon::prelude::*;

use super::gmm_em::{self, Cluster};
use super::grid_density::{self, PER_KERNEL, Shape, spans, with_broad};
use super::kernels::{Kernels, subset};
use super::pair::PairMap;
use super::stack::stacked;
use crate::gaussianize::fit::prepare::shuffled;
use crate::numeric::gaussian::Gaussian;
use crate::numeric::normal;
use crate::numeric::random::Stream;

/// Components of the mixtures.
const SIZES: [usize; 3] = [6, 12, 24];
/// Most points from which a mixture is searched; all go on from there.
const SEARCHED: usize = 3072;
/// Fewest points for mixtures beside the kernels.
const FEWEST: usize = 400;
/// One point of so many is left out, to find the weights.
const LEFT_OUT: usize = 4;
/// Weight below which a part is left out.
const LEAST: f64 = 0.02;

/// Fits the map of two components with spread 1. `None` where [`grid_density::fit`] has none.
pub(crate) fn fit(a: &[f64], b: &[f64], stream: &Stream) -> Option<PairMap> {
    let n = a.len();
    if n < FEWEST {
        return Some(grid_density::fit(a, b, 1.0, stream)?.map);
    }
    let points: Vec<f64> = a.iter().zip(b).flat_map(|(a, b)| [*a, *b]).collect();
    spans(&points)?;
    let order = shuffled(n, &stream.child("left out"));
    let select = |of: &[usize]| of.iter().flat_map(|i| [a[*i], b[*i]]).collect::<Vec<f64>>();
    let (out, learn) = (select(&order[..n / LEFT_OUT]), select(&order[n / LEFT_OUT..]));
    let some = subset(&learn, 2, stream, SEARCHED);
    let mixtures: Vec<Vec<Cluster>> = SIZES
        .par_iter()
        .map(|size| gmm_em::refine(&learn, 2, gmm_em::of_size(&some, 2, *size, &stream.child("mixtures"))))
        .collect();
    let kernels = Kernels::fit(&learn, 1.0, stream)?;
    let of_kernels = grid_density::of_kernels(&kernels, &learn)?.map;
    let mut scores: Vec<Array1<f64>> =
        vec![out.chunks_exact(2).map(|x| log_density(&of_kernels, x[0], x[1])).collect()];
    scores.extend(mixtures.iter().map(|own| Array1::from(gmm_em::log_densities(&out, 2, own))));
    let mut weights = stacked(&scores.iter().collect::<Vec<_>>());
    weights.iter_mut().filter(|w| **w < LEAST).for_each(|w| *w = 0.0);
    let total: f64 = weights.iter().sum();
    weights.iter_mut().for_each(|w| *w /= total);
    // What a part of the points found is fitted to all of them.
    let kernels = grid_density::of_kernels(&kernels.of_points(&points)?, &points)?.map;
    let parts = mixtures.into_iter().zip(weights[1..].iter().copied()).filter(|(_, w)| *w > 0.0);
    let parts = parts.map(|(own, weight)| (gmm_em::refine(&points, 2, own), weight)).collect();
    let blended = sum(&kernels, weights[0], parts);
    Some(blended.unwrap_or(kernels))
}

/// The weighted sum of the kernel density and of mixtures, on the grid of the former.
fn sum(kernels: &PairMap, weight: f64, mixtures: Vec<(Vec<Cluster>, f64)>) -> Option<PairMap> {
    let nodes = nodes(kernels);
    let mut density = normalized(kernels.density.clone()) * weight;
    for (own, weight) in mixtures {
        let own = shown_by(own, kernels.a.step.max(kernels.b.step));
        let own = gmm_em::log_densities(&nodes, 2, &own).into_iter().map(f64::exp).collect();
        density.scaled_add(weight, &normalized(own));
    }
    with_broad(
        (kernels.a, kernels.b),
        2.0 * kernels.tail,
        (density.to_vec(), kernels.a.step * kernels.b.step),
    )
}

/// The log-density of a map at a point of two components.
fn log_density(map: &PairMap, a: f64, b: f64) -> f64 {
    let (z_a, z_b, log_det) = map.forward(a, b);
    normal::log_pdf(z_a) + normal::log_pdf(z_b) + log_det
}

/// Values with sum 1.
fn normalized(values: Vec<f64>) -> Array1<f64> {
    let values = Array1::from(values);
    let sum = values.sum();
    values / sum
}

/// The nodes of a map's grid as points, the second component running fastest.
fn nodes(map: &PairMap) -> Vec<f64> {
    let (_, wide) = map.nodes();
    let at = |node: usize| {
        [map.a.low + (node / wide) as f64 * map.a.step, map.b.low + (node % wide) as f64 * map.b.step]
    };
    (0..map.density.len()).flat_map(at).collect()
}

/// A mixture whose clusters are no narrower than a grid of that step can show.
fn shown_by(mut clusters: Vec<Cluster>, step: f64) -> Vec<Cluster> {
    let least = (step / PER_KERNEL).powi(2);
    for cluster in &mut clusters {
        let shape = Shape::of(&cluster.gaussian.factor, 1.0);
        let added = least - shape.narrowest();
        if added > 0.0 {
            let Shape { aa, ab, bb } = shape.plus(added);
            let first = aa.sqrt();
            let factor = vec![first, 0.0, ab / first, (bb - ab * ab / aa).sqrt()];
            cluster.gaussian = Gaussian::new(cluster.gaussian.mean.clone(), factor);
        }
    }
    clusters
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A bent band: `(u, 0.7 (u^2 - 1) + 0.2 e)`, both with spread near 1.
    fn band(n: usize, stream: &Stream) -> (Vec<f64>, Vec<f64>) {
        let z = stream.standard_normal(0, n, 2);
        z.rows().into_iter().map(|z| (z[0], 0.7 * z[0] * z[0] - 0.7 + 0.2 * z[1])).unzip()
    }

    fn truth(a: f64, b: f64) -> f64 {
        let e = (b - 0.7 * a * a + 0.7) / 0.2;
        normal::log_pdf(a) + normal::log_pdf(e) - 0.2_f64.ln()
    }

    fn mean_error(map: &PairMap, fresh: &(Vec<f64>, Vec<f64>)) -> f64 {
        let errors = fresh.0.iter().zip(&fresh.1).map(|(a, b)| truth(*a, *b) - log_density(map, *a, *b));
        errors.sum::<f64>() / fresh.0.len() as f64
    }

    #[test]
    fn a_blend_loses_less_than_the_kernels_alone_and_is_a_density() {
        let stream = Stream::new(5, 0, "blend");
        let (a, b) = band(4000, &stream.child("points"));
        let fresh = band(4000, &stream.child("fresh"));
        let kernels = grid_density::fit(&a, &b, 1.0, &stream).unwrap().map;
        let map = fit(&a, &b, &stream).unwrap();
        let (of_kernels, of_blend) = (mean_error(&kernels, &fresh), mean_error(&map, &fresh));
        assert!(of_blend > 0.0, "no density is above the true one in the mean: {of_blend}");
        assert!(of_blend < 0.6 * of_kernels, "{of_blend} {of_kernels}");
        // The map and its inverse, and its determinant by differences.
        for (a, b) in fresh.0.iter().zip(&fresh.1).take(200) {
            let (z_a, z_b, log_det) = map.forward(*a, *b);
            let (back_a, back_b) = map.inverse(z_a, z_b);
            assert!((back_a - a).abs() < 1e-9 && (back_b - b).abs() < 1e-9, "{a} {b}: {back_a} {back_b}");
            let h = 1e-7;
            let (up_a, down_a) = (map.forward(a + h, *b).0, map.forward(a - h, *b).0);
            let (up_b, down_b) = (map.forward(*a, b + h).1, map.forward(*a, b - h).1);
            let numerical = ((up_a - down_a) * (up_b - down_b) / (4.0 * h * h)).ln();
            // A density that is bilinear between nodes bends at them.
            assert!((numerical - log_det).abs() < 0.02, "{a} {b}: {numerical} {log_det}");
        }
        // The same again, and kernels alone where the points are few.
        assert!(fit(&a, &b, &stream).unwrap() == map);
        let few = |v: &[f64]| v[..FEWEST - 1].to_vec();
        let alone = grid_density::fit(&few(&a), &few(&b), 1.0, &stream).unwrap().map;
        assert!(fit(&few(&a), &few(&b), &stream).unwrap() == alone);
    }

    #[test]
    fn points_on_a_line_and_few_values_have_a_finite_map() {
        let stream = Stream::new(6, 0, "blend");
        let z = stream.standard_normal(0, 1000, 2);
        let a: Vec<f64> = z.column(0).to_vec();
        let line: Vec<f64> = a.iter().zip(z.column(1)).map(|(a, e)| a + 1e-9 * e).collect();
        let values: Vec<f64> = z.column(1).iter().map(|v| v.round()).collect();
        for b in [line, values] {
            let Some(map) = fit(&a, &b, &stream) else { continue };
            for (a, b) in a.iter().zip(&b) {
                let (z_a, z_b, log_det) = map.forward(*a, *b);
                assert!(z_a.is_finite() && z_b.is_finite() && log_det.is_finite(), "{a} {b}");
            }
        }
    }
}
