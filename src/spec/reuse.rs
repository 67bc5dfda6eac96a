//! What the points of a sweep have in common, made once: reading ten thousand points must not read a table or
//! lay out a schedule ten thousand times.

use crate::data::table::{self, TableError};
use crate::diffusion::{DiffusionError, DiffusionOptions, Schedule, ScheduleKind};
use crate::numeric::digest::hex;
use ndarray::Array2;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of points as its file has it.
#[derive(Clone)]
pub struct TableFile {
    /// The points.
    pub rows: Arc<Array2<f64>>,
    /// Digest of the file, in hexadecimal.
    pub sha256: String,
}

/// Schedules and tables that have been made already.
#[derive(Default)]
pub struct Reuse {
    /// Where relative paths begin; nowhere is the current folder.
    folder: PathBuf,
    schedules: HashMap<(usize, ScheduleKind, u64, u64, bool), Arc<Schedule>>,
    tables: HashMap<String, TableFile>,
}

impl Reuse {
    /// Nothing yet; relative paths begin in `folder`.
    pub fn beginning_in(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf(), ..Self::default() }
    }

    /// The schedule that the options describe.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn schedule(&mut self, o: &DiffusionOptions) -> Result<Arc<Schedule>, DiffusionError> {
        let key = (o.steps, o.schedule, o.beta_start.to_bits(), o.beta_end.to_bits(), o.rescale);
        if let Some(schedule) = self.schedules.get(&key) {
            return Ok(Arc::clone(schedule));
        }
        let schedule = Arc::new(Schedule::new(o)?);
        self.schedules.insert(key, Arc::clone(&schedule));
        Ok(schedule)
    }

    /// The table in a file.
    ///
    /// # Errors
    /// As [`table::read`].
    pub fn table(&mut self, path: &str) -> Result<TableFile, TableError> {
        if let Some(table) = self.tables.get(path) {
            return Ok(table.clone());
        }
        let place = self.folder.join(path);
        let rows = Arc::new(table::read(&place)?);
        let sha256 = hex(Sha256::new_with_prefix(std::fs::read(&place)?));
        let table = TableFile { rows, sha256 };
        self.tables.insert(path.to_string(), table.clone());
        Ok(table)
    }
}
