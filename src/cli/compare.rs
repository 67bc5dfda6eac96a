//! `gdiff compare`

use super::{Failure, print, refuse_input_at, refuse_input_of_spec};
use crate::report::{self, comparison_text};
use crate::store::leftovers::remove_leftovers;
use crate::study::{self, Compared, StudyError, StudyRuns};
use clap::Args;
use std::path::PathBuf;

/// `gdiff compare`
#[derive(Debug, Args)]
pub struct CompareArgs {
    /// Output folder of a study, A
    #[arg(value_name = "DIR_A")]
    pub a: PathBuf,
    /// Output folder of another one, B; differences are B - A
    #[arg(value_name = "DIR_B")]
    pub b: PathBuf,
    /// Metric of summary.csv; may be given more than once [default: those of the table at the end of a run]
    #[arg(long = "metric", value_name = "NAME")]
    pub metrics: Vec<String>,
    /// Write the differences of all metrics as a CSV table
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
}

pub(super) fn compare(args: &CompareArgs) -> Result<(), Failure> {
    if let Some(csv) = &args.csv {
        refuse_input_at("--csv", csv, &[])?;
    }
    let (a, b) = (StudyRuns::read(&args.a)?, StudyRuns::read(&args.b)?);
    for (csv, study) in args.csv.iter().flat_map(|csv| [(csv, &a), (csv, &b)]) {
        refuse_input_of_spec("--csv", csv, &study.inputs)?;
    }
    a.notices.iter().chain(&b.notices).for_each(|notice| report::note(notice));
    let compared = study::compare(&a, &b);
    if compared.rows.is_empty() {
        let message = format!(
            "{} and {} have no pipeline at the same sweep point in common, so there is nothing to compare",
            args.a.display(),
            args.b.display()
        );
        return Err(Failure::input(message));
    }
    check_metrics(&compared, &args.metrics)?;
    if let Some(csv) = &args.csv {
        csv.parent().map_or(Ok(()), remove_leftovers)?;
        compared.write_csv(csv)?;
    }
    print(&comparison_text([&a, &b], &compared, &args.metrics))
}

/// Refuses a metric that neither study has.
fn check_metrics(compared: &Compared, metrics: &[String]) -> Result<(), Failure> {
    let mut known: Vec<&str> = Vec::new();
    for row in &compared.rows {
        if !known.contains(&row.metric.as_str()) {
            known.push(&row.metric);
        }
    }
    match metrics.iter().find(|name| !known.contains(&name.as_str())) {
        Some(name) => Err(StudyError::NoMetric { name: name.clone(), known: known.join(", ") }.into()),
        None => Ok(()),
    }
}
