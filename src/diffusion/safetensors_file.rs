//! Tensors on disk: safetensors with a header of our own and a checksum over everything.
//!
//! The header is one metadata entry, `gdiff = "SHA256 JSON"`, so equal content gives equal bytes. A file
//! that was cut short or has a flipped bit is refused, never half read. Other entries are for other programs: they
//! belong to the checksum, and are not read here.

use super::DiffusionError;
use candle_core::{DType, Device, Tensor};
use safetensors::{Dtype, SafeTensors, tensor::TensorView};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};

/// The metadata entry that holds checksum and header.
const ENTRY: &str = "gdiff";

fn saved(message: impl ToString) -> DiffusionError {
    DiffusionError::Saved(message.to_string())
}

/// Name, type, shape and bytes of one tensor, as the file holds them.
struct Raw {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    bytes: Vec<u8>,
}

/// A safetensors file with these tensors (`f32` or `f64`) and this header.
///
/// # Errors
/// If the device fails.
pub fn write<H: Serialize>(
    header: &H,
    tensors: &BTreeMap<String, Tensor>,
) -> Result<Vec<u8>, DiffusionError> {
    write_with(header, tensors, &BTreeMap::new())
}

/// The same with more entries of metadata, for programs that do not know the header.
///
/// # Errors
/// As [`write()`].
pub fn write_with<H: Serialize>(
    header: &H,
    tensors: &BTreeMap<String, Tensor>,
    entries: &BTreeMap<String, String>,
) -> Result<Vec<u8>, DiffusionError> {
    let header = serde_json::to_string(header).map_err(saved)?;
    let raw = tensors.iter().map(|(name, t)| to_raw(name, t)).collect::<Result<Vec<_>, _>>()?;
    let mut metadata = entries.clone();
    metadata.insert(ENTRY.to_string(), format!("{} {header}", digest(&header, &raw, entries)));
    let views = raw
        .iter()
        .map(|r| Ok((&r.name, TensorView::new(r.dtype, r.shape.clone(), &r.bytes).map_err(saved)?)))
        .collect::<Result<Vec<_>, DiffusionError>>()?;
    let unordered: HashMap<String, String> = metadata.clone().into_iter().collect();
    let mut bytes = safetensors::serialize(views, Some(unordered)).map_err(saved)?;
    order_metadata(&mut bytes, &metadata)?;
    Ok(bytes)
}

/// Where the metadata begin in a file, behind the length of the header.
const METADATA: &[u8] = br#"{"__metadata__":"#;

/// Puts the entries of the metadata, which were written in any order, into that of their names: equal content is to give
/// equal bytes.
fn order_metadata(bytes: &mut [u8], metadata: &BTreeMap<String, String>) -> Result<(), DiffusionError> {
    let ordered = serde_json::to_vec(metadata).map_err(saved)?;
    let begin = size_of::<u64>() + METADATA.len();
    let place = bytes.get_mut(begin - METADATA.len()..begin + ordered.len());
    let (_, place) = place
        .and_then(|part| part.split_at_mut_checked(METADATA.len()))
        .filter(|(head, place)| *head == METADATA && place.ends_with(b"}"))
        .ok_or_else(|| saved("its metadata are not where they were written"))?;
    place.copy_from_slice(&ordered);
    Ok(())
}

/// Header and tensors (on the host) of a file that [`write()`] made.
///
/// # Errors
/// If the file is damaged or not one of gdiff.
pub fn read<H: DeserializeOwned>(bytes: &[u8]) -> Result<(H, BTreeMap<String, Tensor>), DiffusionError> {
    let damaged = |e| saved(format!("it is damaged or no safetensors file ({e})"));
    let own = |(name, text): (&String, &String)| (name.clone(), text.clone());
    let (_, metadata) = SafeTensors::read_metadata(bytes).map_err(damaged)?;
    let file = SafeTensors::deserialize(bytes).map_err(damaged)?;
    let entry = metadata.metadata().as_ref().and_then(|m| m.get(ENTRY));
    let (checksum, header) =
        entry.and_then(|e| e.split_once(' ')).ok_or_else(|| saved("it was not written by gdiff"))?;
    let mut raw: Vec<Raw> = file
        .iter()
        .map(|(name, v)| Raw {
            name: name.to_string(),
            dtype: v.dtype(),
            shape: v.shape().to_vec(),
            bytes: v.data().to_vec(),
        })
        .collect();
    raw.sort_by(|a, b| a.name.cmp(&b.name));
    let mut others: BTreeMap<String, String> = metadata.metadata().iter().flatten().map(own).collect();
    others.remove(ENTRY);
    if digest(header, &raw, &others) != checksum {
        return Err(saved("its checksum does not match its content, so it is damaged"));
    }
    let header = serde_json::from_str(header)
        .map_err(|e| saved(format!("its header cannot be understood; another version wrote it ({e})")))?;
    let tensors =
        raw.iter().map(|r| Ok((r.name.clone(), from_raw(r)?))).collect::<Result<_, DiffusionError>>()?;
    Ok((header, tensors))
}

/// Refuses tensors that are not exactly those expected, by name, shape and precision.
///
/// # Errors
/// Naming the first that is missing, too many or different.
pub fn check<'a>(
    tensors: &BTreeMap<String, Tensor>,
    expected: impl Iterator<Item = (String, &'a [usize], DType)>,
) -> Result<(), DiffusionError> {
    let mut known = Vec::new();
    for (name, shape, dtype) in expected {
        let t = tensors.get(&name).ok_or_else(|| saved(format!("it has no `{name}`")))?;
        if t.dims() != shape || t.dtype() != dtype {
            return Err(saved(format!(
                "`{name}` has shape {:?} ({}) in it, but {shape:?} ({}) is needed",
                t.dims(),
                t.dtype().as_str(),
                dtype.as_str()
            )));
        }
        known.push(name);
    }
    match tensors.keys().find(|name| !known.contains(name)) {
        Some(name) => Err(saved(format!("it holds `{name}`, which this model has no place for"))),
        None => Ok(()),
    }
}

/// SHA-256 over the header, every name, type, shape and byte, and the other entries, each preceded by its length.
fn digest(header: &str, raw: &[Raw], others: &BTreeMap<String, String>) -> String {
    let mut hash = Sha256::new();
    let mut put = |bytes: &[u8]| {
        hash.update((bytes.len() as u64).to_le_bytes());
        hash.update(bytes);
    };
    put(header.as_bytes());
    for r in raw {
        put(r.name.as_bytes());
        put(format!("{:?} {:?}", r.dtype, r.shape).as_bytes());
        put(&r.bytes);
    }
    for (name, text) in others {
        put(name.as_bytes());
        put(text.as_bytes());
    }
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

fn to_raw(name: &str, t: &Tensor) -> Result<Raw, DiffusionError> {
    let flat = t.flatten_all()?.to_device(&Device::Cpu)?;
    let (dtype, bytes) = match t.dtype() {
        DType::F64 => (Dtype::F64, flat.to_vec1::<f64>()?.iter().flat_map(|v| v.to_le_bytes()).collect()),
        _ => (
            Dtype::F32,
            flat.to_dtype(DType::F32)?.to_vec1::<f32>()?.iter().flat_map(|v| v.to_le_bytes()).collect(),
        ),
    };
    Ok(Raw { name: name.to_string(), dtype, shape: t.dims().to_vec(), bytes })
}

fn from_raw(r: &Raw) -> Result<Tensor, DiffusionError> {
    let dtype = match r.dtype {
        Dtype::F32 => DType::F32,
        Dtype::F64 => DType::F64,
        other => {
            return Err(saved(format!("`{}` is of type {other:?}, but only F32 and F64 are used", r.name)));
        }
    };
    Ok(Tensor::from_raw_buffer(&r.bytes, dtype, &r.shape, &Device::Cpu)?)
}
