//! The tensors of a safetensors file, found by name and checked by shape.

use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

use crate::metrics::MetricsError;
use crate::numeric::digest::hex;

/// The weights of a network, as a safetensors file holds them.
#[derive(Clone, Debug)]
pub struct NetworkWeights {
    tensors: BTreeMap<String, (Vec<usize>, Vec<f32>)>,
    sha256: String,
}

/// Weights are the same where their files are.
impl PartialEq for NetworkWeights {
    fn eq(&self, other: &Self) -> bool {
        self.sha256 == other.sha256
    }
}

impl NetworkWeights {
    /// The tensors of type F32 or F64 of a safetensors file. Others, such as counts of batches, are passed over.
    ///
    /// # Errors
    /// If these bytes are no such file.
    pub fn read(bytes: &[u8]) -> Result<Self, MetricsError> {
        let file = SafeTensors::deserialize(bytes).map_err(|e| {
            MetricsError::Weights(format!(
                "they are damaged or no safetensors file ({e}); scripts/convert_inception.py makes one of a PyTorch file"
            ))
        })?;
        let mut tensors = BTreeMap::new();
        for (name, view) in file.iter() {
            let data = view.data();
            let values = match view.dtype() {
                Dtype::F32 => data.as_chunks().0.iter().map(|b| f32::from_le_bytes(*b)).collect(),
                Dtype::F64 => data.as_chunks().0.iter().map(|b| f64::from_le_bytes(*b) as f32).collect(),
                _ => continue,
            };
            tensors.insert(name.to_string(), (view.shape().to_vec(), values));
        }
        Ok(Self { tensors, sha256: hex(Sha256::new().chain_update(bytes)) })
    }

    /// SHA-256 of the file, in hexadecimal.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// The values of a tensor of this shape.
    ///
    /// # Errors
    /// If there is none, it has another shape, or holds a number that is not finite.
    pub(super) fn values(&self, name: &str, shape: &[usize]) -> Result<&[f32], MetricsError> {
        let wrong = |reason: String| MetricsError::Weights(reason);
        let (found, values) = self.tensors.get(name).ok_or_else(|| {
            wrong(format!(
                "they have no `{name}`, so they are not those of this network; docs/features.md says which names are needed"
            ))
        })?;
        if found != shape {
            return Err(wrong(format!("`{name}` has shape {found:?}, but {shape:?} is needed")));
        }
        match values.iter().find(|v| !v.is_finite()) {
            Some(value) => Err(wrong(format!("`{name}` holds {value}; every weight must be finite"))),
            None => Ok(values),
        }
    }

    /// A tensor of this shape on a device, in single precision.
    ///
    /// # Errors
    /// As `values`, or the device fails.
    pub(super) fn tensor(
        &self,
        name: &str,
        shape: &[usize],
        device: &Device,
    ) -> Result<Tensor, MetricsError> {
        let values = self.values(name, shape)?;
        Ok(Tensor::from_slice(values, shape, device)?.to_dtype(DType::F32)?)
    }
}
