//! A flow as bytes: safetensors, exact to the last bit.
//!
//! `mean`, `whiten`, `colour`, `log_det`, `bins`; per layer `l`: `l.rotation`, and per dense layer `i` of its network
//! `l.i.weight` and `l.i.bias`. All of it `f64`.

use super::spline::numbers;
use super::{Coupling, Dense, FlowMap};
use crate::gaussianize::error::GaussianizeError;
use ndarray::{Array1, Array2};
use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};
use std::collections::HashMap;

const FORMAT: &str = "gdiff flow 1";

/// Bins at most.
const MOST_BINS: f64 = 256.0;

impl FlowMap {
    /// The flow as safetensors bytes; the same flow gives the same bytes.
    ///
    /// # Errors
    /// [`GaussianizeError::Corrupt`] when the container cannot be written.
    pub fn to_safetensors(&self) -> Result<Vec<u8>, GaussianizeError> {
        let mut tensors: Vec<(String, Vec<usize>, Vec<u8>)> = Vec::new();
        let mut put = |name: String, shape: &[usize], values: &mut dyn Iterator<Item = &f64>| {
            tensors.push((name, shape.to_vec(), values.flat_map(|v| v.to_le_bytes()).collect()));
        };
        put("mean".into(), self.mean.shape(), &mut self.mean.iter());
        put("whiten".into(), self.whiten.shape(), &mut self.whiten.iter());
        put("colour".into(), self.colour.shape(), &mut self.colour.iter());
        put("log_det".into(), &[1], &mut std::iter::once(&self.log_det));
        put("bins".into(), &[1], &mut std::iter::once(&(self.bins as f64)));
        for (l, layer) in self.layers.iter().enumerate() {
            put(format!("{l}.rotation"), layer.rotation.shape(), &mut layer.rotation.iter());
            for (i, dense) in layer.network.iter().enumerate() {
                put(format!("{l}.{i}.weight"), dense.weight.shape(), &mut dense.weight.iter());
                put(format!("{l}.{i}.bias"), dense.bias.shape(), &mut dense.bias.iter());
            }
        }
        let corrupt = |e: safetensors::SafeTensorError| GaussianizeError::Corrupt(e.to_string());
        let views = tensors
            .iter()
            .map(|(name, shape, bytes)| {
                Ok((name.as_str(), TensorView::new(Dtype::F64, shape.clone(), bytes)?))
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(corrupt)?;
        let about = HashMap::from([("format".to_string(), FORMAT.to_string())]);
        safetensors::serialize(views, Some(about)).map_err(corrupt)
    }

    /// The flow stored in `bytes`; it gives the same bits as the one that was stored.
    ///
    /// # Errors
    /// [`GaussianizeError::Corrupt`] when the bytes are no such file, or are damaged.
    pub fn from_safetensors(bytes: &[u8]) -> Result<Self, GaussianizeError> {
        let corrupt = |reason: String| GaussianizeError::Corrupt(reason);
        let (_, about) = SafeTensors::read_metadata(bytes).map_err(|e| corrupt(e.to_string()))?;
        let format = about.metadata().as_ref().and_then(|m| m.get("format")).map(String::as_str);
        if format != Some(FORMAT) {
            return Err(corrupt(format!("its format is {format:?}, not {FORMAT:?}")));
        }
        let stored = Stored(SafeTensors::deserialize(bytes).map_err(|e| corrupt(e.to_string()))?);
        let bins = stored.number("bins")?;
        if !((1.0..=MOST_BINS).contains(&bins) && bins.fract() == 0.0) {
            return Err(corrupt(format!("it has {bins} bins")));
        }
        let mut layers = Vec::new();
        while stored.has(&format!("{}.rotation", layers.len())) {
            let l = layers.len();
            let mut network = Vec::new();
            while stored.has(&format!("{l}.{}.weight", network.len())) {
                let i = network.len();
                let weight = stored.matrix(&format!("{l}.{i}.weight"))?;
                network.push(Dense { weight, bias: stored.vector(&format!("{l}.{i}.bias"))? });
            }
            layers.push(Coupling { rotation: stored.matrix(&format!("{l}.rotation"))?, network });
        }
        let map = Self {
            mean: stored.vector("mean")?,
            whiten: stored.matrix("whiten")?,
            colour: stored.matrix("colour")?,
            log_det: stored.number("log_det")?,
            bins: bins as usize,
            layers,
        };
        if map.is_consistent() { Ok(map) } else { Err(corrupt("its shapes do not belong together".into())) }
    }

    /// Whether all shapes belong together.
    fn is_consistent(&self) -> bool {
        let d = self.dim();
        let square = |m: &Array2<f64>| m.dim() == (d, d);
        let kept = d / 2;
        let layer = |layer: &Coupling| {
            let mut inputs = kept.max(1);
            let fits = layer.network.iter().all(|dense| {
                let fine = dense.weight.ncols() == inputs && dense.weight.nrows() == dense.bias.len();
                inputs = dense.weight.nrows();
                fine
            });
            square(&layer.rotation) && fits && inputs == (d - kept) * numbers(self.bins)
        };
        d > 0 && square(&self.whiten) && square(&self.colour) && self.layers.iter().all(layer)
    }
}

/// The tensors of a file, checked as they are read.
struct Stored<'a>(SafeTensors<'a>);

impl Stored<'_> {
    fn has(&self, name: &str) -> bool {
        self.0.tensor(name).is_ok()
    }

    fn values(&self, name: &str) -> Result<(Vec<usize>, Vec<f64>), GaussianizeError> {
        let wrong = |what: &str| GaussianizeError::Corrupt(format!("{name}: {what}"));
        let tensor = self.0.tensor(name).map_err(|_| wrong("it is missing"))?;
        if tensor.dtype() != Dtype::F64 {
            return Err(wrong("it does not hold f64"));
        }
        let (numbers, _) = tensor.data().as_chunks::<8>();
        let values: Vec<f64> = numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect();
        match values.iter().all(|v| v.is_finite()) {
            true => Ok((tensor.shape().to_vec(), values)),
            false => Err(wrong("a number is not finite")),
        }
    }

    fn number(&self, name: &str) -> Result<f64, GaussianizeError> {
        match self.values(name)?.1.as_slice() {
            [value] => Ok(*value),
            _ => Err(GaussianizeError::Corrupt(format!("{name}: it is not one number"))),
        }
    }

    fn vector(&self, name: &str) -> Result<Array1<f64>, GaussianizeError> {
        Ok(Array1::from(self.values(name)?.1))
    }

    fn matrix(&self, name: &str) -> Result<Array2<f64>, GaussianizeError> {
        let (shape, values) = self.values(name)?;
        let wrong = || GaussianizeError::Corrupt(format!("{name}: it is no matrix"));
        match shape.as_slice() {
            [rows, columns] => Array2::from_shape_vec((*rows, *columns), values).map_err(|_| wrong()),
            _ => Err(wrong()),
        }
    }
}
