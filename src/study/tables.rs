//! The study's own tables, made of those of its runs.

use super::provenance;
use super::summary::Summary;
use crate::store::metrics_json::write_metrics_json;
use crate::store::rows::{Lines, RowWriter, read_rows};
use crate::store::run_folder::{read_checked_rows, read_if_there};
use crate::store::summary::write_summary;
use crate::store::sweep_values::is_same_key;
use crate::store::{
    BifurcationRow, ErrorRow, FitRow, IsotropyRow, Label, LikelihoodRow, LossRow, MetricsRow, Row, Status,
    StoreError, SummaryRow, TrainingMetricsRow, atomic, names,
};
use rayon::prelude::*;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Runs whose tables are read on all threads at a time.
const AT_A_TIME: usize = 64;

/// What a run adds to the tables.
struct RunTables {
    metrics: Vec<MetricsRow>,
    loss: Vec<LossRow>,
    lines_of_metrics: Lines<MetricsRow>,
    lines_of_loss: Lines<LossRow>,
    evaluations: Lines<TrainingMetricsRow>,
    isotropy: Lines<IsotropyRow>,
    fits: Lines<FitRow>,
    bifurcation: Lines<BifurcationRow>,
    errors: Lines<ErrorRow>,
    likelihoods: Lines<LikelihoodRow>,
}

impl RunTables {
    fn read(folder: &Path, status: &Status) -> Result<Self, StoreError> {
        let metrics: Vec<MetricsRow> = read_checked_rows(folder, status, names::METRICS)?;
        let loss: Vec<LossRow> = read_if_there(folder, status, names::LOSS)?;
        let isotropy = read_checked_rows(folder, status, names::ISOTROPY)?;
        Ok(Self {
            lines_of_metrics: lines(&status.label, &metrics)?,
            lines_of_loss: lines(&status.label, &loss)?,
            metrics,
            loss,
            evaluations: lines(&status.label, &read_if_there(folder, status, names::TRAINING_METRICS)?)?,
            isotropy: lines(&status.label, &isotropy)?,
            fits: lines(&status.label, &read_if_there(folder, status, names::FIT)?)?,
            bifurcation: lines(&status.label, &read_if_there(folder, status, names::BIFURCATION)?)?,
            errors: lines(&status.label, &read_if_there(folder, status, names::ERROR_OVER_T)?)?,
            likelihoods: lines(&status.label, &read_if_there(folder, status, names::LIKELIHOOD)?)?,
        })
    }
}

/// The rows of a run as lines of the study's table.
fn lines<R: Row>(label: &Label, rows: &[R]) -> Result<Lines<R>, StoreError> {
    let run = Path::new(&label.run);
    Lines::new(label, rows).map_err(|e| atomic::unwritable(run, e.into()))
}

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
        let optional = names::OPTIONAL.iter().filter(|name| written.tables.contains_key(**name));
        names::TABLES.iter().chain(optional).all(|name| match written.tables.get(*name) {
            Some(digest) => {
                atomic::read(&out.join(name)).is_ok_and(|bytes| atomic::digest(&bytes) == *digest)
            }
            None => out.join(name).is_file(),
        })
    }

    /// Whether tables with the keys `there` name these keys so: each by its column in `columns`, and not by its other name.
    pub fn are_named(there: &[String], columns: &[String]) -> bool {
        let other = |name: &&String| {
            !columns.contains(name) && columns.iter().any(|column| is_same_key(column, name))
        };
        !there.iter().any(|name| other(&name))
    }

    /// Writes `metrics.csv`, `loss.csv`, `isotropy.csv`, `gaussianizer.csv`, `summary.csv` and `metrics.json` from the
    /// runs' folders, in their order, with a few runs in memory at a time; and the tables of `[train.evaluate]` and
    /// `[diagnostics]` that a run has. `columns` are the names of the `keys` in the tables. Runs are read on all threads
    /// of the caller's pool.
    ///
    /// # Errors
    /// If a run's table is damaged or a file cannot be written.
    pub fn write(
        out: &Path,
        (keys, columns): (&[String], &[String]),
        runs: &[(&Path, &Status)],
    ) -> Result<Self, StoreError> {
        let mut metrics: RowWriter<MetricsRow> = RowWriter::begin(&out.join(names::METRICS), columns)?;
        let mut losses: RowWriter<LossRow> = RowWriter::begin(&out.join(names::LOSS), columns)?;
        let mut isotropy: RowWriter<IsotropyRow> = RowWriter::begin(&out.join(names::ISOTROPY), columns)?;
        let mut fits: RowWriter<FitRow> = RowWriter::begin(&out.join(names::FIT), columns)?;
        let mut evaluations: IfAny<TrainingMetricsRow> = IfAny::new(out, names::TRAINING_METRICS, columns);
        let mut bifurcation: IfAny<BifurcationRow> = IfAny::new(out, names::BIFURCATION, columns);
        let mut errors: IfAny<ErrorRow> = IfAny::new(out, names::ERROR_OVER_T, columns);
        let mut likelihoods: IfAny<LikelihoodRow> = IfAny::new(out, names::LIKELIHOOD, columns);
        let mut summary = Summary::default();
        for some in runs.chunks(AT_A_TIME) {
            let read: Result<Vec<RunTables>, StoreError> =
                some.par_iter().map(|(folder, status)| RunTables::read(folder, status)).collect();
            for ((_, status), run) in some.iter().zip(read?) {
                summary.add_run(status, &run.metrics, &run.loss);
                metrics.add_lines(&run.lines_of_metrics)?;
                losses.add_lines(&run.lines_of_loss)?;
                evaluations.add(&run.evaluations)?;
                isotropy.add_lines(&run.isotropy)?;
                fits.add_lines(&run.fits)?;
                bifurcation.add(&run.bifurcation)?;
                errors.add(&run.errors)?;
                likelihoods.add(&run.likelihoods)?;
            }
        }
        let summary = summary.rows(keys);
        let digests = [
            (names::METRICS, metrics.finish()?),
            (names::LOSS, losses.finish()?),
            (names::ISOTROPY, isotropy.finish()?),
            (names::FIT, fits.finish()?),
            (names::SUMMARY, write_summary(&out.join(names::SUMMARY), columns, &summary)?),
            (names::METRICS_JSON, write_metrics_json(&out.join(names::METRICS_JSON), columns, &summary)?),
        ];
        let mut digests: BTreeMap<String, String> =
            digests.map(|(name, digest)| (name.to_string(), digest)).into();
        let optional = [
            (names::TRAINING_METRICS, evaluations.finish()?),
            (names::BIFURCATION, bifurcation.finish()?),
            (names::ERROR_OVER_T, errors.finish()?),
            (names::LIKELIHOOD, likelihoods.finish()?),
        ];
        digests.extend(optional.into_iter().filter_map(|(name, d)| Some((name.to_string(), d?))));
        Ok(Self { summary, digests })
    }
}

/// A table of a study that is there only where a run has rows of it.
struct IfAny<'a, R> {
    path: PathBuf,
    keys: &'a [String],
    writer: Option<RowWriter<R>>,
}

impl<'a, R: Row> IfAny<'a, R> {
    fn new(out: &Path, name: &str, keys: &'a [String]) -> Self {
        Self { path: out.join(name), keys, writer: None }
    }

    fn add(&mut self, lines: &Lines<R>) -> Result<(), StoreError> {
        if lines.is_empty() {
            return Ok(());
        }
        if self.writer.is_none() {
            self.writer = Some(RowWriter::begin(&self.path, self.keys)?);
        }
        self.writer.as_mut().map_or(Ok(()), |writer| writer.add_lines(lines))
    }

    /// Puts the table in its place, and returns its digest; or removes the one that an earlier study left there.
    fn finish(self) -> Result<Option<String>, StoreError> {
        match self.writer {
            Some(writer) => writer.finish().map(Some),
            None => atomic::remove(&self.path).map(|()| None),
        }
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
