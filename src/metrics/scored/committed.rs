//! The share of the samples that are in the mode in which they end. It is known only after the last step, so the run
//! fills it in, where `[diagnostics]` asks for it and the data are a mixture.

use super::{Column, Metric, MetricsOptions, Reference, Scorer};
use crate::metrics::MetricsError;

/// One column.
pub struct Committed;

/// The name of the column.
pub const COMMITTED: &str = "committed";

impl Metric for Committed {
    fn columns(&self) -> &'static [Column] {
        &[Column {
            name: COMMITTED,
            heading: "committed",
            unit: "",
            digits: 3,
            headline: false,
            range: (0.0, 1.0),
            about: "Fraction of the samples that are in the mode in which they end, by the largest responsibility; with `diagnostics.cloning` and known modes.",
        }]
    }

    fn prepare(&self, _: &Reference, _: &MetricsOptions) -> Result<Option<Box<dyn Scorer>>, MetricsError> {
        Ok(None)
    }
}
