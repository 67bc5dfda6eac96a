//! NumPy arrays: `.npy` of any real type, in C or Fortran order, and `.npz` archives with one of them.

use super::error::TableError;
use super::unpack;
use half::f16;
use ndarray::{Array2, ShapeBuilder};
use std::io::Cursor;

/// How an npy file begins.
pub(super) const NPY: &[u8] = b"\x93NUMPY";
/// How an npz file, which is a zip archive, begins.
pub(super) const ZIP: &[u8] = b"PK\x03\x04";

/// Reads an array of shape `(n, d)` or `(n)`, entries that are not finite included.
///
/// # Errors
/// If the bytes are no array of real numbers with one or two axes, or fewer or more than its header says.
pub(super) fn read_npy(bytes: &[u8]) -> Result<Array2<f64>, TableError> {
    let wrong = |reason: &str| TableError::Npy(reason.to_string());
    let (header, data) = header_and_data(bytes)?;
    let descr = value_of(header, "descr").ok_or_else(|| wrong("its header has no `descr`"))?;
    let fortran = value_of(header, "fortran_order").is_some_and(|v| v.starts_with("True"));
    let sizes = axes(header)?;
    let (rows, columns) = match *sizes {
        [n] => (n, 1),
        [n, d] => (n, d),
        _ => return Err(TableError::Npy(format!("it has {} axes", sizes.len()))),
    };
    let Some(word) = descr.strip_prefix(['\'', '"']).and_then(|d| d.split(['\'', '"']).next()) else {
        return Err(wrong("its entries are records of several fields; save one array of numbers"));
    };
    let (size, number) = entry(word)?;
    let asked = rows.checked_mul(columns).and_then(|n| n.checked_mul(size));
    if asked != Some(data.len()) {
        let reason = format!(
            "its header promises {rows} x {columns} entries of {size} bytes, but {} bytes follow",
            data.len()
        );
        return Err(wrong(&reason));
    }
    if rows == 0 || columns == 0 {
        return Err(TableError::Empty);
    }
    let values: Vec<f64> = data.chunks_exact(size).map(number).collect();
    let points =
        Array2::from_shape_vec((rows, columns).set_f(fortran), values).expect("the length was compared");
    Ok(points.as_standard_layout().into_owned())
}

/// The text behind a key of the header, which is a Python dictionary.
fn value_of<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let place = ['\'', '"'].iter().find_map(|q| {
        let quoted = format!("{q}{key}{q}");
        header.find(&quoted).map(|at| at + quoted.len())
    })?;
    Some(header[place..].trim_start().strip_prefix(':')?.trim_start())
}

/// The header of an npy file, and the bytes behind it.
///
/// # Errors
/// If the file breaks off, or its header is no text.
fn header_and_data(bytes: &[u8]) -> Result<(&str, &[u8]), TableError> {
    let wrong = |reason: &str| TableError::Npy(reason.to_string());
    let cut = || wrong("the file breaks off within its header");
    let version = *bytes.get(6).ok_or_else(cut)?;
    let (length, begin) = match version {
        1 => (bytes.get(8..10).map(|b| usize::from(u16::from_le_bytes([b[0], b[1]]))), 10),
        _ => (bytes.get(8..12).map(|b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]) as usize), 12),
    };
    let end = begin + length.ok_or_else(cut)?;
    let header = std::str::from_utf8(bytes.get(begin..end).ok_or_else(cut)?)
        .map_err(|_| wrong("its header is not text"))?;
    Ok((header, &bytes[end..]))
}

/// The lengths of the axes in a header.
fn axes(header: &str) -> Result<Vec<usize>, TableError> {
    let wrong = |reason: &str| TableError::Npy(reason.to_string());
    let text = value_of(header, "shape").ok_or_else(|| wrong("its header has no `shape`"))?;
    let inner = text.strip_prefix('(').and_then(|t| t.split(')').next());
    let sizes = inner.and_then(|inner| {
        let parts = inner.split(',').map(|p| p.trim().trim_end_matches('L')).filter(|p| !p.is_empty());
        parts.map(|p| p.parse().ok()).collect::<Option<Vec<usize>>>()
    });
    sizes.ok_or_else(|| wrong("its header has no readable `shape`"))
}

/// Refuses an array of bytes whose header promises another number of them than follow, before anything is allocated by it.
///
/// # Errors
/// If it does, in a sentence without the file.
pub(in crate::data) fn check_bytes(bytes: &[u8]) -> Result<(), String> {
    let Ok((header, data)) = header_and_data(bytes) else {
        return Err("the file breaks off within its header".to_string());
    };
    let is_bytes = value_of(header, "descr").is_some_and(|descr| descr.get(1..4) == Some("|u1"));
    let (true, Ok(sizes)) = (is_bytes, axes(header)) else { return Ok(()) };
    let asked = sizes.iter().try_fold(1_usize, |product, size| product.checked_mul(*size));
    if asked == Some(0) && sizes.first() != Some(&0) {
        return Err("its entries have no value; each axis must be at least 1 long".to_string());
    }
    if asked == Some(data.len()) {
        return Ok(());
    }
    let shape = sizes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" x ");
    Err(format!("its header promises {shape} bytes, and {} follow", data.len()))
}

/// Reads one entry.
type Number = fn(&[u8]) -> f64;

/// The size of an entry in bytes, and how to read it.
fn entry(descr: &str) -> Result<(usize, Number), TableError> {
    macro_rules! numbers {
        ($from:ident, $($name:literal => $type:ty),*) => {
            match descr.get(1..).unwrap_or_default() {
                $($name => Some((size_of::<$type>(), (|b: &[u8]| {
                    <$type>::$from(b.try_into().expect("a chunk of the type's size")).into_f64()
                }) as Number)),)*
                _ => None,
            }
        };
    }
    let order = descr.chars().next().unwrap_or(' ');
    let found = match order {
        '<' | '|' | '=' => numbers!(from_le_bytes,
            "f8" => f64, "f4" => f32, "f2" => f16, "i8" => i64, "i4" => i32, "i2" => i16, "i1" => i8,
            "u8" => u64, "u4" => u32, "u2" => u16, "u1" => u8, "b1" => u8),
        '>' => numbers!(from_be_bytes,
            "f8" => f64, "f4" => f32, "f2" => f16, "i8" => i64, "i4" => i32, "i2" => i16, "i1" => i8,
            "u8" => u64, "u4" => u32, "u2" => u16, "u1" => u8),
        _ => None,
    };
    found.ok_or_else(|| {
        TableError::Npy(format!(
            "its entries are `{descr}`; read are floats of 2, 4 and 8 bytes, integers, unsigned integers and bools"
        ))
    })
}

/// The nearest number of double precision.
trait IntoF64 {
    fn into_f64(self) -> f64;
}

macro_rules! into_f64 {
    ($($type:ty),*) => { $(impl IntoF64 for $type { fn into_f64(self) -> f64 { self as f64 } })* };
}
into_f64!(f64, f32, i64, i32, i16, i8, u64, u32, u16, u8);

impl IntoF64 for f16 {
    fn into_f64(self) -> f64 {
        f64::from(self)
    }
}

/// Names that an array has in an archive where nobody named it.
const USUAL: [&str; 2] = ["x", "arr_0"];

/// Reads the array of an archive with one, or the one named `x` or `arr_0`.
///
/// # Errors
/// If there are several of other names, or the archive or the array is damaged.
pub(super) fn read_npz(bytes: &[u8]) -> Result<Array2<f64>, TableError> {
    let damaged = |e: &dyn std::fmt::Display| TableError::Npz(e.to_string());
    let mut archive = zip::ZipArchive::new(Cursor::new(bytes)).map_err(|e| damaged(&e))?;
    let files: Vec<String> = archive.file_names().map(str::to_string).collect();
    let named = |file: &String| file.strip_suffix(".npy").unwrap_or(file).to_string();
    let usual = USUAL.iter().find_map(|name| files.iter().find(|file| named(file) == *name));
    let chosen = match (files.as_slice(), usual) {
        ([one], _) => one,
        (_, Some(usual)) => usual,
        ([], _) => return Err(damaged(&"it is empty")),
        _ => {
            let mut names: Vec<String> = files.iter().map(|file| format!("`{}`", named(file))).collect();
            names.sort();
            let reason = format!("it has the arrays {}; save the points alone, or as `x`", names.join(", "));
            return Err(damaged(&reason));
        }
    };
    let mut entry = archive.by_name(chosen).map_err(|e| damaged(&e))?;
    let declared = entry.size();
    let array = unpack::entry(&mut entry, declared)?;
    if array.starts_with(NPY) {
        read_npy(&array)
    } else {
        Err(damaged(&format!("`{chosen}` is no NumPy array")))
    }
}
