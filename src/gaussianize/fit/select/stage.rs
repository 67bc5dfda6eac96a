//! The stages of which candidates are made, each one or two layers fitted to what the stages before it left.

use ndarray::{Array1, Array2, ArrayView2, Axis};
use rayon::prelude::*;

use super::column::Column;
use crate::gaussianize::dependence;
use crate::gaussianize::error::GaussianizeError;
use crate::gaussianize::fit::rotated;
use crate::gaussianize::joint::family::{cholesky, inverse_of_lower, moments};
use crate::gaussianize::joint::radial::RadialMap;
use crate::gaussianize::joint::{blend, stack};
use crate::gaussianize::kde::marginal::Marginal;
use crate::gaussianize::layer::{Layer, Pair};
use crate::gaussianize::map::Gaussianizer;
use crate::gaussianize::options::{Coupling, GaussianizeOptions, Rotation};
use crate::gaussianize::rotation::subspaces::{self, Subspaces};
use crate::gaussianize::rotation::whitening::{Whitening, affine};
use crate::gaussianize::thin::thin_columns;
use crate::numeric::random::Stream;

/// Points by which dependent columns are found.
const DEPENDENCE_POINTS: usize = 4096;
/// Fewest points per column for a scatter matrix, and for a layer in pairs.
const PER_COLUMN: usize = 4;
const FEWEST_FOR_PAIRS: usize = 100;
/// Fewest points for a search for independent axes.
const FEWEST_FOR_AXES: usize = 1000;
/// How many columns there may be for it: two are a pair in any case.
const COLUMNS_WITH_AXES: std::ops::RangeInclusive<usize> = 3..=128;
/// Iterations of the scatter matrix.
const SCATTERS: usize = 25;

/// One step of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) enum Stage {
    /// Whitening, as one normal distribution asks for.
    Normal,
    /// Each column by a map of its own.
    Marginals,
    /// Gaussian mixtures and kernel densities, weighted.
    Stack,
    /// The distance from the centre, by an elliptical law.
    Radial,
    /// Columns that depend on each other, two by two.
    Pairs,
    /// Axes far from normal, two by two.
    Rotated,
    /// Independent axes, and pairs of axes that depend on each other alone.
    Independent,
}

/// Layers of a stage, and what is to be said of them.
pub(super) struct Fitted {
    pub layers: Vec<Layer>,
    pub said: Option<String>,
}

impl Stage {
    pub fn name(self) -> &'static str {
        match self {
            Self::Normal => "one normal distribution",
            Self::Marginals => "marginals",
            Self::Stack => "mixture",
            Self::Radial => "radial",
            Self::Pairs => "pairs of columns",
            Self::Rotated => "pairs of rotated axes",
            Self::Independent => "independent axes",
        }
    }

    /// Fits to points `(n, d)`; none where the stage has nothing to do, or too few points.
    ///
    /// # Errors
    /// A failed factorization, or columns that are constant or dependent.
    pub fn fit(
        self,
        x: ArrayView2<f64>,
        options: &GaussianizeOptions,
        stream: &Stream,
    ) -> Result<Option<Fitted>, GaussianizeError> {
        let plain = |layer: Layer| Ok(Some(Fitted { layers: vec![layer], said: None }));
        match self {
            Self::Normal => plain(super::normal::fit(x, stream)?),
            Self::Marginals => marginals(x, stream),
            Self::Stack => {
                let (mean, std) = spread(x)?;
                let own = (&x - &mean) / &std;
                let Some(stack) = stack::fit(own.t(), stream) else { return Ok(None) };
                let layer = diagonal(mean, std, none(x.ncols()))?.with_joint(stack.map)?;
                Ok(Some(Fitted { layers: vec![layer], said: Some(stack.made_of) }))
            }
            Self::Radial if x.ncols() < 2 || x.nrows() < PER_COLUMN * x.ncols() => Ok(None),
            Self::Radial => radial(x, stream)?.map_or(Ok(None), plain),
            Self::Pairs if x.ncols() < 2 || x.nrows() < FEWEST_FOR_PAIRS => Ok(None),
            Self::Pairs => pairs(x, stream)?.map_or(Ok(None), plain),
            Self::Rotated if x.nrows() < FEWEST_FOR_PAIRS => Ok(None),
            Self::Rotated => plain(on_rotated_axes(x, options, stream)?),
            Self::Independent if x.nrows() < FEWEST_FOR_AXES || !COLUMNS_WITH_AXES.contains(&x.ncols()) => {
                Ok(None)
            }
            Self::Independent => independent(x, stream),
        }
    }
}

fn none(d: usize) -> Vec<Option<Marginal>> {
    (0..d).map(|_| None).collect()
}

/// Means and standard deviations of columns.
fn spread(x: ArrayView2<f64>) -> Result<(Array1<f64>, Array1<f64>), GaussianizeError> {
    let mean = x.mean_axis(Axis(0)).ok_or(GaussianizeError::NoColumns)?;
    let std = x.std_axis(Axis(0), 0.0);
    match std.iter().position(|s| !(*s > 0.0 && s.is_finite())) {
        Some(column) => Err(GaussianizeError::ConstantColumn { column, value: mean[column] }),
        None => Ok((mean, std)),
    }
}

/// A layer on the columns' own axes.
fn diagonal(
    mean: Array1<f64>,
    std: Array1<f64>,
    marginals: Vec<Option<Marginal>>,
) -> Result<Layer, GaussianizeError> {
    let log_det = -std.mapv(f64::ln).sum();
    Layer::new(mean, Array2::from_diag(&std.mapv(|s| 1.0 / s)), Array2::from_diag(&std), log_det, marginals)
}

fn marginals(x: ArrayView2<f64>, stream: &Stream) -> Result<Option<Fitted>, GaussianizeError> {
    let d = x.ncols();
    let columns: Option<Vec<Column>> =
        (0..d).into_par_iter().map(|j| Column::choose(x.column(j), &stream.child(&j.to_string()))).collect();
    let Some(columns) = columns.filter(|columns| columns.iter().any(Column::bends)) else { return Ok(None) };
    let (mean, std): (Vec<f64>, Vec<f64>) = columns.iter().map(|c| (c.mean, c.std)).unzip();
    let (first, second): (Vec<_>, Vec<_>) = columns.into_iter().map(|c| (c.first, c.second)).unzip();
    let mut layers = Vec::new();
    if first.iter().any(Option::is_some) {
        layers.push(diagonal(Array1::zeros(d), Array1::ones(d), first)?);
    }
    layers.push(diagonal(mean.into(), std.into(), second)?);
    Ok(Some(Fitted { layers, said: None }))
}

/// Centre and scatter of an elliptical law whatever its radial part (Tyler 1987; the centre is the spatial median), then
/// the map of the distance.
fn radial(x: ArrayView2<f64>, stream: &Stream) -> Result<Option<Layer>, GaussianizeError> {
    let (n, d) = x.dim();
    let (mean, std) = spread(x)?;
    let x = (&x - &mean) / &std;
    let mut centre = Array1::<f64>::zeros(d);
    let (_, mut scatter) = moments(x.view());
    let shrink = (d as f64 / n as f64).min(0.5);
    let mut inverse = inverse_of_lower(&cholesky(&scatter));
    for _ in 0..SCATTERS {
        let own = &x - &centre;
        let radii = own.dot(&inverse.t()).map_axis(Axis(1), |y| y.dot(&y).sqrt().max(1e-12));
        let step = (&own / &radii.view().insert_axis(Axis(1))).sum_axis(Axis(0));
        centre = &centre + &(step / radii.mapv(|r| 1.0 / r).sum());
        let directions = &own / &radii.insert_axis(Axis(1));
        scatter = moments_about_zero(directions.view()) * d as f64;
        let trace = scatter.diag().sum() / d as f64;
        scatter = scatter / trace * (1.0 - shrink);
        scatter.diag_mut().mapv_inplace(|v| v + shrink);
        let next = inverse_of_lower(&cholesky(&scatter));
        let moved = (&next - &inverse).iter().fold(0.0_f64, |a, b| a.max(b.abs()));
        inverse = next;
        if moved < 1e-6 {
            break;
        }
    }
    let logs = (&x - &centre).dot(&inverse.t()).map_axis(Axis(1), |y| y.dot(&y).sqrt().max(1e-150).ln());
    let Some(column) = Column::choose(logs.view(), &stream.child("radius")) else { return Ok(None) };
    let Some(map) = RadialMap::new(d, |t| column.forward(t), |z| column.inverse(z)) else { return Ok(None) };
    let factor = cholesky(&scatter);
    let log_det = -factor.diag().mapv(f64::ln).sum() - std.mapv(f64::ln).sum();
    let w = &inverse / &std;
    let back = &factor * &std.view().insert_axis(Axis(1));
    let centre = &mean + &(&centre * &std);
    Layer::new(centre, w, back, log_det, none(d))?.with_joint(map).map(Some)
}

fn moments_about_zero(x: ArrayView2<f64>) -> Array2<f64> {
    let (mean, covariance) = moments(x);
    let outer = mean.view().insert_axis(Axis(1)).dot(&mean.view().insert_axis(Axis(0)));
    covariance + outer
}

/// Pairs of columns with the largest mutual information, each column once, where it is more than chance gives.
fn pairs(x: ArrayView2<f64>, stream: &Stream) -> Result<Option<Layer>, GaussianizeError> {
    let d = x.ncols();
    let (mean, std) = spread(x)?;
    let own = ((&x - &mean) / &std).t().as_standard_layout().into_owned();
    let some = thin_columns(own.view(), DEPENDENCE_POINTS);
    let cells: Vec<Vec<u8>> =
        some.axis_iter(Axis(0)).collect::<Vec<_>>().into_par_iter().map(dependence::cells).collect();
    let couples: Vec<(usize, usize)> = (0..d).flat_map(|i| (i + 1..d).map(move |j| (i, j))).collect();
    let mut found: Vec<(f64, usize, usize)> =
        couples.par_iter().map(|(i, j)| (dependence::deviance(&cells[*i], &cells[*j]), *i, *j)).collect();
    let chance = dependence::chance(couples.len());
    found.retain(|(deviance, ..)| *deviance > chance);
    found.sort_by(|a, b| b.0.total_cmp(&a.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let mut taken = vec![false; d];
    let mut chosen = Vec::new();
    for (_, i, j) in found {
        if !taken[i] && !taken[j] {
            (taken[i], taken[j]) = (true, true);
            chosen.push((i, j));
        }
    }
    let pairs = fitted_pairs(own.view(), &chosen, stream);
    if pairs.is_empty() {
        return Ok(None);
    }
    diagonal(mean, std, none(d))?.with_pairs(pairs).map(Some)
}

/// The maps of pairs of rows of `own` `(d, n)`; a pair without a map is left out.
fn fitted_pairs(own: ArrayView2<f64>, chosen: &[(usize, usize)], stream: &Stream) -> Vec<Pair> {
    let fits: Vec<Option<Pair>> = chosen
        .par_iter()
        .map(|(first, second)| {
            let row = |j: usize| own.row(j).to_vec();
            let map = blend::fit(&row(*first), &row(*second), &stream.child(&first.to_string()))?;
            Some(Pair { first: *first, second: *second, map })
        })
        .collect();
    fits.into_iter().flatten().collect()
}

/// A layer of independent axes that are mapped two by two where they depend on each other, then the maps of each axis.
fn independent(x: ArrayView2<f64>, stream: &Stream) -> Result<Option<Fitted>, GaussianizeError> {
    let failed = |reason: String| GaussianizeError::Numerical { layer: 0, reason };
    let whitening = Whitening::fit(x.t(), 0)?;
    let white = affine(&whitening.matrix, &whitening.mean, x.t());
    let Subspaces { rotation, pairs } =
        subspaces::fit(white.view(), &stream.child("axes")).map_err(failed)?;
    let w = rotation.dot(&whitening.matrix);
    let w_inverse = whitening.inverse.dot(&rotation.t());
    let own = affine(&w, &whitening.mean, x.t());
    let couples: Vec<(usize, usize)> = (0..pairs).map(|p| (2 * p, 2 * p + 1)).collect();
    let pairs = fitted_pairs(own.view(), &couples, stream);
    let alone = pairs.is_empty();
    let layer =
        Layer::new(whitening.mean, w, w_inverse, whitening.log_det, none(x.ncols()))?.with_pairs(pairs)?;
    let after = Gaussianizer { dim: x.ncols(), layers: vec![layer.clone()] }.forward(x);
    let of_axes = marginals(after.view(), &stream.child("marginals"))?;
    if alone && of_axes.is_none() {
        return Ok(None);
    }
    let layers = [layer].into_iter().chain(of_axes.into_iter().flat_map(|own| own.layers)).collect();
    Ok(Some(Fitted { layers, said: None }))
}

/// A layer of the sort that `coupling = "pairs"` adds: axes of largest sliced distance, two by two.
fn on_rotated_axes(
    x: ArrayView2<f64>,
    options: &GaussianizeOptions,
    stream: &Stream,
) -> Result<Layer, GaussianizeError> {
    let options =
        GaussianizeOptions { coupling: Coupling::Pairs, rotation: Rotation::Sliced, ..options.clone() };
    Ok(rotated::fit(x.t(), 0, &options, stream, stream)?.layer)
}
