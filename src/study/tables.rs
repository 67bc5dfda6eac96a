//! The study's own tables, made of those of its runs.

use super::provenance;
use super::summary::Summary;
use crate::store::rows::{RowWriter, read_rows};
use crate::store::run_folder::{has_file, read_checked_rows};
use crate::store::summary::write_summary;
use crate::store::{
    FitRow, IsotropyRow, LossRow, MetricsRow, Row, Status, StoreError, SummaryRow, atomic, names,
};
use std::collections::BTreeMap;
use std::path::Path;

/// What has been written.
pub struct Tables {
    /// The rows of `summary.csv`.
    pub summary: Vec<SummaryRow>,
    /// SHA-256 of each table, by its name.
    pub digests: BTreeMap<String, String>,
}

impl Tables {
    /// Whether all tables of a study are there with their provenance, and are what was written where their digests are
    /// kept.
    pub fn are_whole(out: &Path) -> bool {
        let Some(written) = provenance::read(out) else { return false };
        names::TABLES.iter().all(|name| match written.tables.get(*name) {
            Some(digest) => {
                std::fs::read(out.join(name)).is_ok_and(|bytes| atomic::digest(&bytes) == *digest)
            }
            None => out.join(name).is_file(),
        })
    }

    /// Writes `metrics.csv`, `loss.csv`, `isotropy.csv`, `gaussianizer.csv` and `summary.csv` from the runs' folders,
    /// in their order, with one run in memory at a time.
    ///
    /// # Errors
    /// If a run's table is damaged or a file cannot be written.
    pub fn write(out: &Path, keys: &[String], runs: &[(&Path, &Status)]) -> Result<Self, StoreError> {
        let mut metrics = RowWriter::begin(&out.join(names::METRICS), keys)?;
        let mut losses = RowWriter::begin(&out.join(names::LOSS), keys)?;
        let mut isotropy: RowWriter<IsotropyRow> = RowWriter::begin(&out.join(names::ISOTROPY), keys)?;
        let mut fits: RowWriter<FitRow> = RowWriter::begin(&out.join(names::FIT), keys)?;
        let mut summary = Summary::default();
        for (folder, status) in runs {
            let label = &status.label;
            let rows: Vec<MetricsRow> = read_checked_rows(folder, status, names::METRICS)?;
            let loss: Vec<LossRow> = read_if_there(folder, status, names::LOSS)?;
            summary.add_run(status, &rows, &loss);
            metrics.add(label, &rows)?;
            losses.add(label, &loss)?;
            isotropy.add(label, &read_checked_rows(folder, status, names::ISOTROPY)?)?;
            fits.add(label, &read_if_there(folder, status, names::FIT)?)?;
        }
        let summary = summary.rows(keys);
        let digests = [
            (names::METRICS, metrics.finish()?),
            (names::LOSS, losses.finish()?),
            (names::ISOTROPY, isotropy.finish()?),
            (names::FIT, fits.finish()?),
            (names::SUMMARY, write_summary(&out.join(names::SUMMARY), keys, &summary)?),
        ];
        Ok(Self { summary, digests: digests.map(|(name, digest)| (name.to_string(), digest)).into() })
    }
}

/// The rows of `summary.csv` that these runs make, without writing anything.
///
/// # Errors
/// If a run's table is missing or damaged.
pub fn summarize(keys: &[String], runs: &[(&Path, &Status)]) -> Result<Vec<SummaryRow>, StoreError> {
    let mut summary = Summary::default();
    for (folder, status) in runs {
        let rows: Vec<MetricsRow> = read_rows(&folder.join(names::METRICS))?;
        summary.add_run(status, &rows, &read_if_there(folder, status, names::LOSS)?);
    }
    Ok(summary.rows(keys))
}

/// The table of a stage that not every pipeline has.
///
/// # Errors
/// If it is there and not what the run wrote.
pub(super) fn read_if_there<R: Row>(
    folder: &Path,
    status: &Status,
    name: &str,
) -> Result<Vec<R>, StoreError> {
    if has_file(folder, status, name) { read_checked_rows(folder, status, name) } else { Ok(Vec::new()) }
}
