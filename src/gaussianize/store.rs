//! A fitted map as bytes: safetensors, exact to the last bit.
//!
//! Per layer `l`: `l.mean`, `l.w`, `l.w_inverse`, `l.log_det`; per gaussianized component `j`: `l.j.pieces` with
//! one row per polynomial (ends, end values, coefficients) and `l.j.lower`, `l.j.upper` for the tails:
//! one value is the derivative of a linear tail, two are scale and shape of a Pareto tail, more are bandwidth, count and outermost points of a kernel tail. Per pair `p` of components:
//! `l.pair.p.grid` (both components, low and step of both axes, tail mass) and `l.pair.p.density` at the nodes.
//! A flow: `l.flow.bins` and the parameters of its networks. A joint map: `l.joint.log_weights`, `l.joint.means`, `l.joint.factors`, and `l.joint.factor_of` where several
//! components have one factor. A radial map: `l.radial.pieces` and its tails, as of a component. What others keep beside the map: a tensor of
//! bytes under a name of theirs. Over all of it `digest`: SHA-256 of names, shapes and bytes of the other tensors, in
//! the order of the names. Files of version 0.1 have none.

use std::collections::HashMap;

use ndarray::{Array1, Array2};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};

use super::error::GaussianizeError;
use super::flow::Flow;
use super::joint::joint_map::JointMap;
use super::joint::mixture::MixtureMap;
use super::joint::pair::{Axis, PairMap};
use super::joint::radial::RadialMap;
use super::kde::marginal::Marginal;
use super::kde::piecewise::{Piece, PiecewiseMap};
use super::kde::tail::Tail;
use super::layer::{Layer, Pair};
use super::map::Gaussianizer;
use crate::numeric::chebyshev::NODES;

const FORMAT: &str = "gdiff gaussianizer 2";
/// The format of a map with a layer that readers of the former do not know, and would pass over: a radial map or a flow.
const FORMAT_3: &str = "gdiff gaussianizer 3";
/// The format of version 0.1, which has no digest.
const FORMAT_1: &str = "gdiff gaussianizer 1";
/// The tensor of the digest.
const DIGEST: &str = "digest";
const COLUMNS: usize = 4 + NODES;

impl Gaussianizer {
    /// The map as safetensors bytes; the same map gives the same bytes.
    ///
    /// # Errors
    /// [`GaussianizeError::Corrupt`] when the container cannot be written.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, GaussianizeError> {
        self.to_safetensors_with(&[])
    }

    /// As [`to_safetensors`](Self::to_safetensors), with bytes beside the map, which [`attached`] reads back.
    ///
    /// # Errors
    /// As [`to_safetensors`](Self::to_safetensors).
    pub fn to_safetensors_with(&self, attached: &[(&str, &[u8])]) -> Result<Vec<u8>, GaussianizeError> {
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut put = |name: String, shape: Vec<usize>, values: &mut dyn Iterator<Item = f64>| {
            tensors.push((name, shape, values.flat_map(f64::to_le_bytes).collect()));
        };
        let d = self.dim;
        for (l, layer) in self.layers.iter().enumerate() {
            put(format!("{l}.mean"), vec![d], &mut layer.mean.iter().copied());
            put(format!("{l}.w"), vec![d, d], &mut layer.w.iter().copied());
            put(format!("{l}.w_inverse"), vec![d, d], &mut layer.w_inverse.iter().copied());
            put(format!("{l}.log_det"), vec![1], &mut std::iter::once(layer.log_det));
            if let Some(JointMap::Mixture(joint)) = &layer.joint {
                let k = joint.components();
                put(format!("{l}.joint.log_weights"), vec![k], &mut joint.log_weights.iter().copied());
                put(format!("{l}.joint.means"), vec![k, d], &mut joint.means.iter().copied());
                let kinds = joint.factors.len() / (d * d);
                put(format!("{l}.joint.factors"), vec![kinds, d, d], &mut joint.factors.iter().copied());
                if !joint.factor_of.iter().copied().eq(0..kinds) {
                    let of = &mut joint.factor_of.iter().map(|f| *f as f64);
                    put(format!("{l}.joint.factor_of"), vec![k], of);
                }
            }
            for (p, Pair { first, second, map }) in layer.pairs.iter().enumerate() {
                let (a, b) = (map.a, map.b);
                let grid = [*first as f64, *second as f64, a.low, a.step, b.low, b.step, map.tail];
                put(format!("{l}.pair.{p}.grid"), vec![grid.len()], &mut grid.into_iter());
                let density = &mut map.density.iter().copied();
                put(format!("{l}.pair.{p}.density"), vec![a.nodes, b.nodes], density);
            }
            if let Some(JointMap::Flow(flow)) = &layer.joint {
                for (name, (shape, values)) in flow.tensors() {
                    put(format!("{l}.flow.{name}"), shape, &mut values.into_iter());
                }
            }
            let named = layer
                .marginals
                .iter()
                .enumerate()
                .map(|(j, marginal)| (format!("{l}.{j}"), marginal.as_ref()));
            let radial = match &layer.joint {
                Some(JointMap::Radial(radial)) => Some(&radial.of_logs),
                _ => None,
            };
            for (name, marginal) in named.chain([(format!("{l}.radial"), radial)]) {
                let Some(marginal) = marginal else { continue };
                let pieces = marginal.map.pieces();
                let mut rows =
                    pieces.iter().flat_map(|p| [p.lo, p.hi, p.z_lo, p.z_hi].into_iter().chain(p.c));
                put(format!("{name}.pieces"), vec![pieces.len(), COLUMNS], &mut rows);
                for (end, tail) in [("lower", &marginal.lower), ("upper", &marginal.upper)] {
                    let values = match tail {
                        Tail::Linear(derivative) => vec![*derivative],
                        Tail::Pareto { scale, shape } => vec![*scale, *shape],
                        Tail::Kernel { points, bandwidth, count } => {
                            [*bandwidth, *count].into_iter().chain(points.iter().copied()).collect()
                        }
                    };
                    put(format!("{name}.{end}"), vec![values.len()], &mut values.iter().copied());
                }
            }
        }
        let corrupt = |e: safetensors::SafeTensorError| GaussianizeError::Corrupt(e.to_string());
        let mut views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(corrupt)?;
        for (name, bytes) in attached {
            views.push((name, TensorView::new(Dtype::U8, vec![bytes.len()], bytes).map_err(corrupt)?));
        }
        let digest = digest(views.iter().map(|(name, view)| (*name, view.shape(), view.data())).collect());
        views.push((DIGEST, TensorView::new(Dtype::U8, vec![digest.len()], &digest).map_err(corrupt)?));
        let is_new = |layer: &Layer| matches!(layer.joint, Some(JointMap::Radial(_) | JointMap::Flow(_)));
        let is_new = self.layers.iter().any(is_new);
        let format = if is_new { FORMAT_3 } else { FORMAT };
        let about = HashMap::from([("format".to_string(), format.to_string())]);
        safetensors::serialize(views, Some(about)).map_err(corrupt)
    }

    /// The map stored in `bytes`; it gives the same bits as the one that was stored.
    ///
    /// # Errors
    /// [`GaussianizeError::Corrupt`] when the bytes are no such file, or are damaged.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, GaussianizeError> {
        let corrupt = |reason: String| GaussianizeError::Corrupt(reason);
        let (_, about) = SafeTensors::read_metadata(bytes).map_err(|e| corrupt(e.to_string()))?;
        let format = about.metadata().as_ref().and_then(|m| m.get("format")).map(String::as_str);
        let stored = Stored(SafeTensors::deserialize(bytes).map_err(|e| corrupt(e.to_string()))?);
        match format {
            Some(FORMAT | FORMAT_3) => stored.check_digest()?,
            Some(FORMAT_1) => {}
            _ => return Err(corrupt(format!("its format is {format:?}, not {FORMAT:?}"))),
        }
        let mut layers = Vec::new();
        while stored.has(&format!("{}.mean", layers.len())) {
            layers.push(stored.layer(layers.len())?);
        }
        Self::from_layers(layers).map_err(|e| corrupt(e.to_string()))
    }
}

/// The bytes that were kept under a name beside the map stored in `bytes`.
pub fn attached(bytes: &[u8], name: &str) -> Option<Vec<u8>> {
    let stored = SafeTensors::deserialize(bytes).ok()?;
    Some(stored.tensor(name).ok()?.data().to_vec())
}

/// SHA-256 over tensors: of each its name, its shape and its bytes, with their lengths.
fn digest(mut tensors: Vec<(&str, &[usize], &[u8])>) -> [u8; 32] {
    tensors.sort_unstable();
    let mut hash = Sha256::new();
    for (name, shape, bytes) in tensors {
        hash.update(format!("{} {name} {shape:?} {}\n", name.len(), bytes.len()));
        hash.update(bytes);
    }
    hash.finalize().into()
}

struct Stored<'a>(SafeTensors<'a>);

impl Stored<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    /// The tensors must be those that were written.
    fn check_digest(&self) -> Result<(), GaussianizeError> {
        let tensors = self.0.iter().filter(|(name, _)| *name != DIGEST).collect::<Vec<_>>();
        let own = digest(tensors.iter().map(|(name, view)| (*name, view.shape(), view.data())).collect());
        match self.0.tensor(DIGEST) {
            Ok(stored) if *stored.data() == own => Ok(()),
            _ => Err(GaussianizeError::Corrupt("it is not what was written; its digest differs".into())),
        }
    }

    fn numbers(&self, name: &str) -> Result<(Vec<usize>, Vec<f64>), GaussianizeError> {
        let tensor = self.0.tensor(name).map_err(|e| GaussianizeError::Corrupt(format!("{name}: {e}")))?;
        if tensor.dtype() != Dtype::F64 {
            return Err(GaussianizeError::Corrupt(format!("{name} does not hold 64-bit floats")));
        }
        let (chunks, _) = tensor.data().as_chunks::<8>();
        Ok((tensor.shape().to_vec(), chunks.iter().map(|b| f64::from_le_bytes(*b)).collect()))
    }

    fn square(&self, name: &str) -> Result<Array2<f64>, GaussianizeError> {
        let (shape, values) = self.numbers(name)?;
        let side = shape.first().copied().unwrap_or(0);
        Array2::from_shape_vec((side, side), values)
            .map_err(|e| GaussianizeError::Corrupt(format!("{name} is not square: {e}")))
    }

    fn layer(&self, l: usize) -> Result<Layer, GaussianizeError> {
        let mean = Array1::from(self.numbers(&format!("{l}.mean"))?.1);
        let log_det = self.numbers(&format!("{l}.log_det"))?.1.first().copied().unwrap_or(f64::NAN);
        let marginals =
            (0..mean.len()).map(|j| self.marginal(&format!("{l}.{j}"))).collect::<Result<_, _>>()?;
        let (w, inverse) = (self.square(&format!("{l}.w"))?, self.square(&format!("{l}.w_inverse"))?);
        let mut pairs = Vec::new();
        while self.has(&format!("{l}.pair.{}.grid", pairs.len())) {
            pairs.push(self.pair(l, pairs.len())?);
        }
        let joint = [self.mixture(l, mean.len())?, self.radial(l)?, self.flow(l, mean.len())?];
        let layer =
            Layer::new(mean, w, inverse, log_det, marginals).and_then(|layer| layer.with_pairs(pairs));
        let whole =
            |layer: Result<Layer, _>, joint: JointMap| layer.and_then(|layer| layer.with_joint(joint));
        joint.into_iter().flatten().fold(layer, whole).map_err(|e| GaussianizeError::Corrupt(e.to_string()))
    }

    fn radial(&self, l: usize) -> Result<Option<JointMap>, GaussianizeError> {
        Ok(self.marginal(&format!("{l}.radial"))?.map(|of_logs| RadialMap { of_logs }.into()))
    }

    fn flow(&self, l: usize, d: usize) -> Result<Option<JointMap>, GaussianizeError> {
        if !self.has(&format!("{l}.flow.bins")) {
            return Ok(None);
        }
        let read = |name: &str| self.numbers(&format!("{l}.flow.{name}")).ok();
        let damaged = || GaussianizeError::Corrupt(format!("{l}.flow does not hold a flow"));
        Flow::of_tensors(d, &read).map(|flow| Some(flow.into())).ok_or_else(damaged)
    }

    fn mixture(&self, l: usize, d: usize) -> Result<Option<JointMap>, GaussianizeError> {
        let name = |tensor: &str| format!("{l}.joint.{tensor}");
        if !self.has(&name("log_weights")) {
            return Ok(None);
        }
        let read = |tensor: &str| self.numbers(&name(tensor)).map(|(_, values)| values);
        let (log_weights, means, factors) = (read("log_weights")?, read("means")?, read("factors")?);
        let map = match self.has(&name("factor_of")) {
            true => {
                let of = read("factor_of")?.into_iter().map(|f| f as usize).collect();
                MixtureMap::shared(d, log_weights, means, factors, of)
            }
            false if factors.len() == log_weights.len() * d * d => {
                MixtureMap::new(d, log_weights, means, factors)
            }
            false => None,
        };
        let damaged = || GaussianizeError::Corrupt(format!("{l}.joint does not hold a mixture"));
        map.map(|map| Some(map.into())).ok_or_else(damaged)
    }

    fn pair(&self, l: usize, p: usize) -> Result<Pair, GaussianizeError> {
        let name = format!("{l}.pair.{p}");
        let damaged = || GaussianizeError::Corrupt(format!("{name} does not hold a density on a grid"));
        let grid = self.numbers(&format!("{name}.grid"))?.1;
        let (shape, density) = self.numbers(&format!("{name}.density"))?;
        let ([first, second, a_low, a_step, b_low, b_step, tail], [rows, columns]) =
            (grid.as_slice(), shape.as_slice())
        else {
            return Err(damaged());
        };
        let axis = |low: f64, step: f64, nodes: usize| Axis { low, step, nodes };
        let (a, b) = (axis(*a_low, *a_step, *rows), axis(*b_low, *b_step, *columns));
        let map = PairMap::new(a, b, *tail, density).ok_or_else(damaged)?;
        Ok(Pair { first: *first as usize, second: *second as usize, map })
    }

    fn marginal(&self, of: &str) -> Result<Option<Marginal>, GaussianizeError> {
        let name = format!("{of}.pieces");
        if !self.has(&name) {
            return Ok(None);
        }
        let (shape, values) = self.numbers(&name)?;
        let damaged = || GaussianizeError::Corrupt(format!("{name} does not hold ascending pieces"));
        if shape.get(1) != Some(&COLUMNS) {
            return Err(damaged());
        }
        let (rows, _) = values.as_chunks::<COLUMNS>();
        let piece = |row: &[f64; COLUMNS]| {
            let c = std::array::from_fn(|k| row[4 + k]);
            Piece::new(row[0], row[1], row[2], row[3], c)
        };
        let pieces = rows.iter().map(piece).collect::<Option<Vec<_>>>().ok_or_else(damaged)?;
        let map = PiecewiseMap::new(pieces).ok_or_else(damaged)?;
        let (lower, upper) = (self.tail(&format!("{of}.lower"))?, self.tail(&format!("{of}.upper"))?);
        Ok(Some(Marginal { map, lower, upper }))
    }

    fn tail(&self, name: &str) -> Result<Tail, GaussianizeError> {
        let values = self.numbers(name)?.1;
        let good = values.iter().all(|v| v.is_finite());
        match values.as_slice() {
            [derivative] if good && *derivative > 0.0 => Ok(Tail::Linear(*derivative)),
            [scale, shape] if good && *scale > 0.0 && *shape >= 0.0 => {
                Ok(Tail::Pareto { scale: *scale, shape: *shape })
            }
            [h, count, points @ ..]
                if good && *h > 0.0 && *count >= 1.0 && !points.is_empty() && points.is_sorted() =>
            {
                Ok(Tail::Kernel { points: points.to_vec(), bandwidth: *h, count: *count })
            }
            _ => Err(GaussianizeError::Corrupt(format!(
                "{name} is neither a linear tail, nor a Pareto one, nor a list of kernels"
            ))),
        }
    }
}
