//! The maps of all axes of a layer at once.

use super::mixture::MixtureMap;
use super::radial::RadialMap;
use crate::gaussianize::flow::Flow;

/// A map of all axes of a layer at once.
#[derive(Clone, Debug, PartialEq)]
pub enum JointMap {
    /// The transport of a Gaussian mixture.
    Mixture(MixtureMap),
    /// The map of the distance from the centre.
    Radial(RadialMap),
    /// A trained flow.
    Flow(Flow),
}

impl JointMap {
    /// The dimension that it is for; none where it is for any.
    pub(crate) fn dim(&self) -> Option<usize> {
        match self {
            Self::Mixture(map) => Some(map.dim()),
            Self::Radial(_) => None,
            Self::Flow(flow) => Some(flow.dim()),
        }
    }

    /// Maps points in place, `rows` being `d` rows of `m` numbers; `each` gets the index of a point and a part of its
    /// `log |det J|`.
    pub(crate) fn forward(&self, rows: &mut [f64], m: usize, mut each: impl FnMut(usize, f64)) {
        match self {
            Self::Mixture(map) => {
                let mut workspace = map.scratch();
                point_by_point(rows, m, map.dim(), |i, point| each(i, map.forward(point, &mut workspace)));
            }
            Self::Radial(map) => {
                let d = rows.len() / m.max(1);
                radially(rows, m, |i, r| {
                    let (factor, own) = map.forward(r, d);
                    each(i, own);
                    factor
                });
            }
            Self::Flow(flow) => flow.forward(rows, m, each),
        }
    }

    /// The inverse of [`forward`](Self::forward).
    pub(crate) fn inverse(&self, rows: &mut [f64], m: usize) {
        match self {
            Self::Mixture(map) => {
                let mut workspace = map.scratch();
                point_by_point(rows, m, map.dim(), |_, point| map.inverse(point, &mut workspace));
            }
            Self::Radial(map) => radially(rows, m, |_, r| map.inverse(r)),
            Self::Flow(flow) => flow.inverse(rows, m),
        }
    }
}

impl From<MixtureMap> for JointMap {
    fn from(map: MixtureMap) -> Self {
        Self::Mixture(map)
    }
}

impl From<RadialMap> for JointMap {
    fn from(map: RadialMap) -> Self {
        Self::Radial(map)
    }
}

impl From<Flow> for JointMap {
    fn from(flow: Flow) -> Self {
        Self::Flow(flow)
    }
}

/// Hands the columns of `rows` over one after the other, each with its index, and takes them back.
fn point_by_point(rows: &mut [f64], m: usize, d: usize, mut each: impl FnMut(usize, &mut [f64])) {
    let mut point = vec![0.0; d];
    for i in 0..m {
        point.iter_mut().zip(rows.chunks_exact(m)).for_each(|(p, row)| *p = row[i]);
        each(i, &mut point);
        point.iter().zip(rows.chunks_exact_mut(m)).for_each(|(p, row)| row[i] = *p);
    }
}

/// Multiplies each column of `rows` by the number that `scale` gives to its norm, the index of the point beside it.
fn radially(rows: &mut [f64], m: usize, mut scale: impl FnMut(usize, f64) -> f64) {
    let mut squares = vec![0.0; m];
    for row in rows.chunks_exact(m) {
        squares.iter_mut().zip(row).for_each(|(sum, v)| *sum += v * v);
    }
    let factors: Vec<f64> = squares.iter().enumerate().map(|(i, s)| scale(i, s.sqrt())).collect();
    for row in rows.chunks_exact_mut(m) {
        row.iter_mut().zip(&factors).for_each(|(v, factor)| *v *= factor);
    }
}
