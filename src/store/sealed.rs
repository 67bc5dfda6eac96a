//! JSON files that carry a digest of their own: what was changed, cut or emptied since is not taken for what was written.
//!
//! The digest is the last member, `sha256`, over all bytes before it. Version 0.1 wrote no such member; its files are
//! read as they are.

use super::atomic::digest;
use super::error::StoreError;
use serde::{Serialize, de::DeserializeOwned};
use std::io;
use std::path::Path;

/// What stands before and after the digest.
const ENDS: (&str, &str) = (",\n  \"sha256\": \"", "\"\n}\n");

/// Hexadecimal digits of a digest.
const DIGITS: usize = 64;

/// A value, which serializes to an object with at least one member, as JSON with its digest.
///
/// # Errors
/// If it has no JSON form.
fn seal(value: &impl Serialize) -> serde_json::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.truncate(bytes.len() - "\n}".len());
    let end = format!("{}{}{}", ENDS.0, digest(&bytes), ENDS.1);
    bytes.extend_from_slice(end.as_bytes());
    Ok(bytes)
}

/// Writes a value as a file with its digest, whole or not at all.
///
/// # Errors
/// If the file cannot be written.
pub fn write(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    super::atomic::write(path, |out| out.write_all(&seal(value).map_err(io::Error::from)?)).map(|_| ())
}

/// As [`write()`], without waiting for the disk.
///
/// # Errors
/// If the file cannot be written.
pub fn place(path: &Path, value: &impl Serialize) -> Result<(), StoreError> {
    super::atomic::place(path, |out| out.write_all(&seal(value).map_err(io::Error::from)?)).map(|_| ())
}

/// The value of a file; none where there is no file, or where it is not what was written.
pub fn read<T: DeserializeOwned>(path: &Path) -> Option<T> {
    let bytes = std::fs::read(path).ok()?;
    if is_sealed(&bytes) && !is_sound(&bytes) {
        return None;
    }
    serde_json::from_slice(&bytes).ok()
}

/// Whether the bytes end in the digest of those before it.
fn is_sound(bytes: &[u8]) -> bool {
    let Some(end) = bytes.len().checked_sub(ENDS.0.len() + DIGITS + ENDS.1.len()) else { return false };
    let (body, end) = bytes.split_at(end);
    *end == *format!("{}{}{}", ENDS.0, digest(body), ENDS.1).as_bytes()
}

/// Whether the last member is a digest, by its name or its length: damage at one place leaves one of them.
fn is_sealed(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes);
    let last = text.trim_end().trim_end_matches('}').trim_end().lines().next_back().unwrap_or_default();
    let value = last.rsplit(':').next().unwrap_or_default().trim().trim_matches('"');
    last.trim_start().starts_with("\"sha256\"") || value.chars().count() == DIGITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeMap;

    #[test]
    fn every_change_is_noticed_and_files_without_a_digest_are_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file.json");
        let value: BTreeMap<String, f64> = [("a".to_string(), 1.5), ("b".to_string(), -2.25)].into();
        write(&path, &value).unwrap();
        let read_back = || -> Option<serde_json::Value> { read(&path) };
        assert_eq!(read_back().unwrap()["b"], -2.25);
        let bytes = std::fs::read(&path).unwrap();
        for bit in 0..8 * bytes.len() {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            std::fs::write(&path, changed).unwrap();
            assert_eq!(read_back(), None, "bit {bit}");
        }
        for length in 0..bytes.len() {
            std::fs::write(&path, &bytes[..length]).unwrap();
            // A line end alone is missing from what can still be read as JSON.
            assert_eq!(read_back(), None, "{length} bytes");
        }
        std::fs::write(&path, serde_json::to_vec_pretty(&value).unwrap()).unwrap();
        assert_eq!(read_back().unwrap()["a"], 1.5);
    }
}
