//! Bytes of a table's file, packed or not, and no more of them than a table that fits into memory can have.
//!
//! A gzipped file of ten megabytes can hold a hundred gigabytes, an archive can lie about the size of its entries, and
//! a device never ends. So what is unpacked is counted before it is kept.

use super::error::TableError;
use crate::numeric::memory::{available, size};
use flate2::read::MultiGzDecoder;
use std::io::{self, Read, copy, sink};

/// Bytes of memory for each byte of a table's file while it is read: the file, its numbers, and the points.
const BY_BYTE: u64 = 3;

/// The most bytes that the file of a table can have.
fn most() -> u64 {
    available() / BY_BYTE
}

/// Refuses a table of so many bytes, or more, if it cannot fit into memory.
///
/// # Errors
/// A sentence with the bytes.
pub(super) fn check(bytes: u64, what: &str) -> Result<(), TableError> {
    if bytes <= most() {
        return Ok(());
    }
    Err(TableError::TooLarge(format!(
        "{what}, and reading a table of that size takes about {} of memory, but there are {} in all; take fewer rows",
        size(bytes.saturating_mul(BY_BYTE)),
        size(available())
    )))
}

/// All that a reader gives.
///
/// # Errors
/// If it cannot be read, or gives more than a table can have.
pub(super) fn read_all(reader: impl Read) -> Result<Vec<u8>, TableError> {
    let mut bytes = Vec::new();
    let most = most();
    reader.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 <= most {
        return Ok(bytes);
    }
    check(bytes.len() as u64, &format!("it is longer than {}", size(most))).map(|()| bytes)
}

/// The contents of a gzipped file. They are unpacked twice: once to count them, so that no memory is taken for what is
/// refused.
///
/// # Errors
/// If the bytes are damaged, or hold more than a table can have.
pub(in crate::data) fn gunzip(bytes: &[u8]) -> Result<Vec<u8>, TableError> {
    let most = most();
    let count = copy(&mut MultiGzDecoder::new(bytes).take(most.saturating_add(1)), &mut sink())?;
    check(count, &format!("it unpacks to more than {}", size(most)))?;
    let mut inner = Vec::with_capacity(count as usize);
    MultiGzDecoder::new(bytes).read_to_end(&mut inner)?;
    Ok(inner)
}

/// The contents of an entry of an archive that says to have `declared` bytes.
///
/// # Errors
/// If it has another number of bytes, or more than a table can have.
pub(super) fn entry(reader: &mut impl Read, declared: u64) -> Result<Vec<u8>, TableError> {
    check(declared, &format!("its array unpacks to {}", size(declared)))?;
    let mut bytes = Vec::new();
    let read = reader.take(declared.saturating_add(1)).read_to_end(&mut bytes);
    read.map_err(|e: io::Error| TableError::Npz(e.to_string()))?;
    if bytes.len() as u64 == declared {
        return Ok(bytes);
    }
    let more = if bytes.len() as u64 > declared { "more" } else { "fewer" };
    Err(TableError::Npz(format!("its entry is said to have {declared} bytes, but holds {more}")))
}
