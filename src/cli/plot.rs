//! `gdiff plot`, and the end of `gdiff run --plot`

use super::{Failure, print};
use crate::report::figures::{FigureError, Results};
use crate::report::{self, DrawOptions, Written};
use clap::Args;
use std::path::Path;
use std::path::PathBuf;

/// `gdiff plot`
#[derive(Debug, Args)]
pub struct PlotArgs {
    /// Folder that `gdiff run` or `gdiff sweep` wrote
    pub folder: PathBuf,
    /// Folder for figures/ and report.html [default: the same]
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Write dark figures too (NAME-dark.svg and .png); the page has both in any case
    #[arg(long)]
    pub dark: bool,
    /// Overwrite files that stand where a figure or the page is to be and that gdiff did not draw
    #[arg(long)]
    pub force: bool,
}

impl From<FigureError> for Failure {
    fn from(error: FigureError) -> Self {
        match error {
            FigureError::NoFolder(_)
            | FigureError::Nothing(_)
            | FigureError::NotDrawn { .. }
            | FigureError::OtherStudy(_) => Self::input(error.to_string()),
            FigureError::Store(error) => Self::from(error),
            FigureError::Run(error) => Self::from(*error),
            FigureError::Damaged { .. } | FigureError::Picture { .. } => Self::running(error.to_string()),
        }
    }
}

pub(super) fn plot(args: &PlotArgs) -> Result<(), Failure> {
    let options = DrawOptions { dark: args.dark, force: args.force };
    let written = draw(&args.folder, args.out.as_deref().unwrap_or(&args.folder), options)?;
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
pub(super) fn draw(folder: &Path, out: &Path, options: DrawOptions) -> Result<Written, Failure> {
    Ok(report::write_figures(Results::read(folder)?, out, options)?)
}
