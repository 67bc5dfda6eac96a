//! Features of images on disk, under a name that says of which images, weights and resizing they are.

use super::atomic;
use super::error::StoreError;
use crate::diffusion::safetensors_file;
use crate::metrics::features::ImageFeatures;
use candle_core::{DType, Device, Tensor};
use ndarray::Array2;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Everything on which features depend.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeatureKey {
    /// The kind of features.
    pub features: String,
    /// Seed of random weights.
    pub seed: Option<u64>,
    /// SHA-256 of the images' values.
    pub images_sha256: String,
    /// SHA-256 of the file of weights.
    pub weights_sha256: Option<String>,
    /// How images are resized.
    pub resize: Option<String>,
    /// `cpu` or `cuda`, which differ in rounding.
    pub device: String,
    /// Raised when the features of a kind change.
    pub version: u32,
}

impl FeatureKey {
    /// The current version.
    pub const VERSION: u32 = 1;

    /// The file in a folder: its name begins with the kind, and ends with a digest of the key.
    pub fn path(&self, folder: &Path) -> PathBuf {
        let text = serde_json::to_string(self).expect("a key is text and numbers");
        let digest = atomic::digest(text.as_bytes());
        folder.join(format!("{}-{}.safetensors", self.features, &digest[..16]))
    }
}

/// The features of a key; none if the folder does not have them.
///
/// # Errors
/// If the file is there, but damaged or of another key: they are to be computed again.
pub fn read(folder: &Path, key: &FeatureKey) -> Result<Option<ImageFeatures>, StoreError> {
    let path = key.path(folder);
    let unreadable = |reason: String| StoreError::Read { path: path.clone(), reason };
    let bytes = match std::fs::read(&path) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        read => read.map_err(|e| unreadable(e.to_string()))?,
    };
    let (found, mut tensors) =
        safetensors_file::read::<FeatureKey>(&bytes).map_err(|e| unreadable(e.to_string()))?;
    if found != *key {
        return Err(unreadable("it holds the features of other images or weights".to_string()));
    }
    let mut matrix = |name: &str| -> Result<Option<Array2<f64>>, StoreError> {
        let Some(tensor) = tensors.remove(name) else { return Ok(None) };
        let values = |tensor: Tensor| {
            let shape = tensor.dims2()?;
            Ok::<_, candle_core::Error>((
                shape,
                tensor.to_dtype(DType::F64)?.flatten_all()?.to_vec1::<f64>()?,
            ))
        };
        let (shape, values) = values(tensor).map_err(|e| unreadable(e.to_string()))?;
        Ok(Some(
            Array2::from_shape_vec(shape, values).expect("a tensor has as many numbers as its shape says"),
        ))
    };
    let values = matrix("features")?.ok_or_else(|| unreadable("it holds no features".to_string()))?;
    Ok(Some(ImageFeatures { values, logits: matrix("logits")? }))
}

/// Writes features, which are numbers of single precision.
///
/// # Errors
/// If the folder cannot be made or written to.
pub fn write(folder: &Path, key: &FeatureKey, features: &ImageFeatures) -> Result<(), StoreError> {
    let path = key.path(folder);
    let tensor = |values: &Array2<f64>| {
        Tensor::from_vec(values.iter().map(|v| *v as f32).collect::<Vec<f32>>(), values.dim(), &Device::Cpu)
    };
    let bytes = || {
        let mut tensors = BTreeMap::from([("features".to_string(), tensor(&features.values)?)]);
        if let Some(logits) = &features.logits {
            tensors.insert("logits".to_string(), tensor(logits)?);
        }
        safetensors_file::write(key, &tensors)
    };
    let bytes = bytes().map_err(|e| atomic::unwritable(&path, std::io::Error::other(e.to_string())))?;
    atomic::make_folder(folder)?;
    atomic::write(&path, |file| file.write_all(&bytes)).map(drop)
}
