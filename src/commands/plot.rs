//! `gdiff plot`, and the end of `gdiff run --plot`

use super::{Failure, print};
use crate::cli::PlotArgs;
use crate::figures::{FigureError, Results};
use crate::report::{self, Written};
use std::path::Path;

impl From<FigureError> for Failure {
    fn from(error: FigureError) -> Self {
        match error {
            FigureError::NoFolder(_) | FigureError::Nothing(_) => Self::input(error.to_string()),
            FigureError::Experiment(error) => Self::from(*error),
            FigureError::Damaged { .. } | FigureError::Picture { .. } => Self::running(error.to_string()),
        }
    }
}

pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    let written = draw(&args.folder, args.out.as_deref().unwrap_or(&args.folder), args.dark)?;
    for notice in &written.notices {
        report::note(notice);
    }
    let list: String = std::iter::once(&written.page)
        .chain(&written.figures)
        .map(|path| format!("{}\n", path.display()))
        .collect();
    print(&list)
}

/// Draws a folder into `out`.
pub(super) fn draw(folder: &Path, out: &Path, dark: bool) -> Result<Written, Failure> {
    Ok(report::write_figures(Results::read(folder)?, out, dark)?)
}
