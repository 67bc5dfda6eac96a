//! A chain of transforms as files keep it: JSON, with the numbers of Gaussianizers in safetensors files of their own and
//! large matrices as bytes beside them.

use super::SpaceError;
use super::dequantize::Dequantize;
use super::fill::Fill;
use super::fitted::Fitted;
use super::leading::Leading;
use super::principal::Principal;
use super::rotate_back::RotateBack;
use super::scaling::Scaling;
use super::set_aside::SetAside;
use super::whitening::Whitening;
use crate::gaussianize::{Gaussianizer, attached};
use ndarray::{Array1, Array2};
use serde::{Deserialize, Serialize};

/// A transform as a file keeps it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "transform")]
enum Stored {
    SetAside(SetAside),
    Dequantize(Dequantize),
    Scaling {
        shift: Vec<f64>,
        scale: Vec<f64>,
    },
    Whitening(Whitening),
    Principal {
        matrix: String,
        from: usize,
        to: usize,
        leading: usize,
        dropped: f64,
    },
    Gaussianize {
        file: String,
    },
    GaussianizeLeading {
        file: String,
        dim: usize,
    },
    /// The matrix by its name, or by rows where there is no file of a Gaussianizer to hold it.
    RotateBack {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        matrix: Option<String>,
        dim: usize,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        rows: Option<Vec<Vec<f64>>>,
    },
    Fill(Fill),
}

/// The transforms as JSON: each with its numbers, a Gaussianizer with the name of its file, a matrix with its name.
pub(super) fn to_json(transforms: &[Fitted]) -> serde_json::Value {
    let (mut gaussianizers, mut matrices) = (0, 0);
    let mut next_file = || {
        gaussianizers += 1;
        file_name(gaussianizers)
    };
    let mut next_matrix = || {
        matrices += 1;
        matrix_name(matrices)
    };
    let stored = |transform: &Fitted| match transform {
        Fitted::SetAside(set_aside) => Stored::SetAside(set_aside.clone()),
        Fitted::Dequantize(dequantize) => Stored::Dequantize(dequantize.clone()),
        Fitted::Scaling(s) => Stored::Scaling { shift: s.shift.to_vec(), scale: s.scale.to_vec() },
        Fitted::Whitening(whitening) => Stored::Whitening(whitening.clone()),
        Fitted::Principal(p) => Stored::Principal {
            matrix: next_matrix(),
            from: p.axes.ncols(),
            to: p.axes.nrows(),
            leading: p.leading,
            dropped: p.dropped,
        },
        Fitted::Gaussianize(_) => Stored::Gaussianize { file: next_file() },
        Fitted::GaussianizeLeading(Leading { dim, .. }) => {
            Stored::GaussianizeLeading { file: next_file(), dim: *dim }
        }
        Fitted::RotateBack(r) => {
            let dim = r.transposed.nrows();
            let rows = || r.transposed.rows().into_iter().map(|row| row.to_vec()).collect();
            match has_file(transforms) {
                true => Stored::RotateBack { matrix: Some(next_matrix()), dim, rows: None },
                false => Stored::RotateBack { matrix: None, dim, rows: Some(rows()) },
            }
        }
        Fitted::Fill(fill) => Stored::Fill(fill.clone()),
    };
    let stored: Vec<Stored> = transforms.iter().map(stored).collect();
    serde_json::to_value(stored).expect("numbers and words have a JSON form")
}

/// Whether there is a file that matrices can lie in: that of a Gaussianizer.
fn has_file(transforms: &[Fitted]) -> bool {
    transforms.iter().any(|transform| transform.gaussianizer().is_some())
}

/// The matrices, as bytes (64-bit floats, low byte first), under the names that [`to_json`] gives them: of principal
/// components the mean, the variances, and the axes by rows; of a rotation its transpose by rows.
pub(super) fn matrices(transforms: &[Fitted]) -> Vec<(String, Vec<u8>)> {
    let bytes =
        |values: &mut dyn Iterator<Item = &f64>| values.flat_map(|v| v.to_le_bytes()).collect::<Vec<u8>>();
    let matrices = transforms.iter().filter_map(|transform| match transform {
        Fitted::Principal(p) => Some(bytes(&mut p.mean.iter().chain(&p.variances).chain(&p.axes))),
        Fitted::RotateBack(r) if has_file(transforms) => Some(bytes(&mut r.transposed.iter())),
        _ => None,
    });
    matrices.enumerate().map(|(i, bytes)| (matrix_name(i + 1), bytes)).collect()
}

/// The transforms of what [`to_json`] gave; `read` gives the bytes of a file or a matrix by its name. A matrix that it
/// does not find is looked for beside the first Gaussianizer.
///
/// # Errors
/// If the JSON is no chain, or a file or a matrix is missing or damaged.
pub(super) fn from_json(
    json: &serde_json::Value,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<Fitted>, SpaceError> {
    let failed = SpaceError::Stored;
    let damaged = |what: &str| SpaceError::Stored(format!("{what} is damaged"));
    let stored: Vec<Stored> = serde_json::from_value(json.clone()).map_err(|e| failed(e.to_string()))?;
    let mut transforms = Vec::new();
    for transform in stored {
        transforms.push(match transform {
            Stored::SetAside(set_aside) if set_aside.is_consistent() => Fitted::SetAside(set_aside),
            Stored::SetAside(_) => return Err(damaged("the list of columns that are set aside")),
            Stored::Dequantize(dequantize) if dequantize.is_consistent() => Fitted::Dequantize(dequantize),
            Stored::Dequantize(_) => return Err(damaged("a dequantization")),
            Stored::Scaling { shift, scale } => {
                if shift.len() != scale.len()
                    || shift.is_empty()
                    || !scale.iter().all(|s| *s > 0.0 && s.is_finite())
                {
                    return Err(damaged("a scaling"));
                }
                Fitted::Scaling(Scaling { shift: Array1::from(shift), scale: Array1::from(scale) })
            }
            Stored::Whitening(whitening) if whitening.is_consistent() => Fitted::Whitening(whitening),
            Stored::Whitening(_) => return Err(damaged("a whitening")),
            Stored::Principal { matrix, from, to, leading, dropped } => {
                let numbers =
                    numbers(&matrix, from.saturating_add(to).saturating_add(from.saturating_mul(to)), read)?;
                let (mean, rest) = numbers.split_at(from);
                let (variances, axes) = rest.split_at(to);
                let principal = Principal {
                    mean: Array1::from(mean.to_vec()),
                    variances: Array1::from(variances.to_vec()),
                    axes: Array2::from_shape_vec((to, from), axes.to_vec()).map_err(|_| damaged(&matrix))?,
                    leading,
                    dropped,
                };
                if !principal.is_consistent() {
                    return Err(damaged(&matrix));
                }
                Fitted::Principal(principal)
            }
            Stored::Gaussianize { file } => {
                Fitted::Gaussianize(Gaussianizer::from_safetensors(&read(&file).map_err(failed)?)?)
            }
            Stored::GaussianizeLeading { file, dim } => {
                let map = Gaussianizer::from_safetensors(&read(&file).map_err(failed)?)?;
                if map.dim() > dim {
                    return Err(damaged("the dimension of a Gaussianizer"));
                }
                Fitted::GaussianizeLeading(Leading { map, dim })
            }
            Stored::RotateBack { matrix, dim, rows } => {
                let name = matrix.as_deref().unwrap_or("a rotation");
                let numbers = match (&matrix, rows) {
                    (Some(matrix), None) => numbers(matrix, dim.saturating_mul(dim), read)?,
                    (None, Some(rows)) => rows.concat(),
                    _ => return Err(damaged(name)),
                };
                let transposed = Array2::from_shape_vec((dim, dim), numbers).map_err(|_| damaged(name))?;
                let rotation = RotateBack { transposed };
                if !rotation.is_consistent() {
                    return Err(damaged(name));
                }
                Fitted::RotateBack(rotation)
            }
            Stored::Fill(fill) if fill.is_consistent() => Fitted::Fill(fill),
            Stored::Fill(_) => return Err(damaged("the list of columns that are zeros")),
        });
    }
    Ok(transforms)
}

/// The numbers of a matrix.
fn numbers(
    name: &str,
    count: usize,
    read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
) -> Result<Vec<f64>, SpaceError> {
    let bytes = match read(name) {
        Ok(bytes) => bytes,
        Err(missing) => {
            let beside = read(&file_name(1)).ok().and_then(|file| attached(&file, name));
            beside.ok_or(SpaceError::Stored(missing))?
        }
    };
    let (numbers, rest) = bytes.as_chunks::<8>();
    match rest.is_empty() && numbers.len() == count {
        true => Ok(numbers.iter().map(|bytes| f64::from_le_bytes(*bytes)).collect()),
        false => Err(SpaceError::Stored(format!("{name} is damaged"))),
    }
}

/// The file of the Gaussianizer of that number, from 1.
pub(super) fn file_name(number: usize) -> String {
    match number {
        1 => "gaussianizer.safetensors".to_string(),
        more => format!("gaussianizer-{more}.safetensors"),
    }
}

/// The name of the matrix of that number, from 1.
fn matrix_name(number: usize) -> String {
    format!("matrix-{number}")
}
