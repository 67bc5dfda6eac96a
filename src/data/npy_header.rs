//! The header of a NumPy array against the length of its file: memory is asked for by what the header says, so a
//! damaged one must not ask for more than the file can fill.

use crate::numeric::memory::{product, size};
use std::io::{self, Read};

/// The first bytes of every NumPy file.
const MAGIC: &[u8; 6] = b"\x93NUMPY";

/// Refuses a file of `length` bytes whose header is longer than the file, or promises more values than follow. What is
/// no header at all is left to the reader of the array, which says so.
///
/// # Errors
/// A sentence about the header.
pub fn check(mut file: impl Read, length: u64) -> Result<(), String> {
    let Ok(Some((begin, header))) = read_header(&mut file, length) else { return Ok(()) };
    let Some(header) = header else {
        return Err(format!(
            "its header alone would end behind the end of the file, which has {length} bytes"
        ));
    };
    let (Some(shape), Some(bytes)) = (shape(&header), bytes_of_value(&header)) else { return Ok(()) };
    let (promised, there) = (product(shape.iter().copied().chain([bytes])), length.saturating_sub(begin));
    if promised <= there {
        return Ok(());
    }
    let shape: Vec<String> = shape.iter().map(ToString::to_string).collect();
    Err(format!(
        "its header says ({}), which are {} of values, but only {} follow; the file was cut or damaged",
        shape.join(", "),
        size(promised),
        size(there)
    ))
}

/// Where the values begin, and the header's text, if the file is long enough to hold it; nothing where the file does
/// not begin as a NumPy array does.
fn read_header(file: &mut impl Read, length: u64) -> io::Result<Option<(u64, Option<String>)>> {
    let mut first = [0; 8];
    file.read_exact(&mut first)?;
    if !first.starts_with(MAGIC) {
        return Ok(None);
    }
    // Version 1 writes the header's length in two bytes, the later ones in four.
    let width = if first[6] == 1 { 2 } else { 4 };
    let mut count = [0; 4];
    file.read_exact(&mut count[..width])?;
    let (count, before) = (u64::from(u32::from_le_bytes(count)), 8 + width as u64);
    if before + count > length {
        return Ok(Some((length, None)));
    }
    let mut header = Vec::new();
    file.take(count).read_to_end(&mut header)?;
    Ok(Some((before + count, Some(String::from_utf8_lossy(&header).into_owned()))))
}

/// What stands behind a key of the header, which is a literal of Python.
fn after<'a>(header: &'a str, key: &str) -> Option<&'a str> {
    let (_, rest) = header.split_once(key)?;
    Some(rest.trim_start_matches(['\'', '"', ' ', ':']))
}

/// The lengths of the axes.
fn shape(header: &str) -> Option<Vec<u64>> {
    let (inner, _) = after(header, "shape")?.strip_prefix('(')?.split_once(')')?;
    let axes = inner.split(',').map(|axis| axis.trim().trim_end_matches('L')).filter(|axis| !axis.is_empty());
    // A number too large to read is too large for any file.
    let axis =
        |axis: &str| axis.bytes().all(|b| b.is_ascii_digit()).then(|| axis.parse().unwrap_or(u64::MAX));
    axes.map(axis).collect()
}

/// Bytes of one value, from a type such as `<f8`.
fn bytes_of_value(header: &str) -> Option<u64> {
    let name = after(header, "descr")?.split(['\'', '"']).next()?;
    name.trim_start_matches(|c: char| !c.is_ascii_digit()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::check;

    fn file(header: &str, version: u8, values: usize) -> Vec<u8> {
        let mut bytes = b"\x93NUMPY".to_vec();
        bytes.extend([version, 0]);
        let length = (header.len() as u32).to_le_bytes();
        bytes.extend(&length[..if version == 1 { 2 } else { 4 }]);
        bytes.extend(header.as_bytes());
        bytes.extend(vec![0; values]);
        bytes
    }

    fn checked(bytes: &[u8]) -> Result<(), String> {
        check(bytes, bytes.len() as u64)
    }

    #[test]
    fn a_header_that_promises_more_than_the_file_holds_is_refused() {
        let header = |descr: &str, shape: &str| {
            format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': {shape}, }}   \n")
        };
        for version in [1, 2, 3] {
            assert_eq!(checked(&file(&header("<f8", "(3, 2)"), version, 48)), Ok(()));
            assert_eq!(checked(&file(&header("<f4", "(12,)"), version, 48)), Ok(()));
            let refused = checked(&file(&header("<f8", "(3, 2)"), version, 47)).unwrap_err();
            assert!(
                refused.contains("(3, 2), which are 48 bytes of values, but only 47 bytes follow"),
                "{refused}"
            );
            for shape in ["(1000000000000, 2)", "(99999999999999999999999, 2)", "(4294967296, 4294967296)"] {
                assert!(checked(&file(&header("<f8", shape), version, 48)).is_err(), "{shape}");
            }
        }
        let mut long = file("", 2, 48);
        long[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert!(checked(&long).unwrap_err().contains("its header alone"));
        for other in [&b""[..], b"x0,x1\n", b"\x93NUMPY", &file("{}", 1, 3), &file("'shape': (a, b)", 1, 3)] {
            assert_eq!(checked(other), Ok(()), "left to the reader");
        }
    }
}
