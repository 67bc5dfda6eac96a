//! The figures of an output folder as files: SVG, PNG, and the numbers of each as CSV; and the page.

use super::page::page;
use crate::report::figures::draw::{Theme, png, svg};
use crate::report::figures::{self, Figure, FigureError, Results};
use crate::store::leftovers::remove_leftovers;
use crate::store::{atomic, names};
use std::path::{Path, PathBuf};

/// What was drawn.
#[derive(Debug)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The figures.
    pub figures: Vec<PathBuf>,
    /// What was left out, and why.
    pub notices: Vec<String>,
}

/// Draws everything that results hold into `out/figures` and `out/report.html`.
///
/// # Errors
/// If a file cannot be written or a picture not be made.
pub fn write_figures(mut results: Results, out: &Path, dark: bool) -> Result<Written, FigureError> {
    let figures = figures::all(&mut results);
    let folder = out.join(names::FIGURES);
    atomic::make_folder(&folder)?;
    remove_leftovers(&folder)?;
    remove_leftovers(out)?;
    remove_old(&folder)?;
    let mut paths = Vec::new();
    for figure in &figures {
        paths.extend(write_one(figure, &folder, dark)?);
    }
    let text = page(&mut results, &figures);
    let page = out.join(names::PAGE);
    atomic::write(&page, |out| out.write_all(text.as_bytes()))?;
    Ok(Written { page, figures: paths, notices: results.notices })
}

fn write_one(figure: &Figure, folder: &Path, dark: bool) -> Result<Vec<PathBuf>, FigureError> {
    let mut paths = Vec::new();
    let mut themes = vec![(Theme::Light, "")];
    if dark {
        themes.push((Theme::Dark, "-dark"));
    }
    for (theme, end) in themes {
        let drawn = svg(figure, theme);
        let bytes =
            png(&drawn).map_err(|reason| FigureError::Picture { name: figure.name.clone(), reason })?;
        for (kind, bytes) in [("svg", drawn.as_bytes()), ("png", bytes.as_slice())] {
            let path = folder.join(format!("{}{end}.{kind}", figure.name));
            atomic::write(&path, |out| out.write_all(bytes))?;
            paths.push(path);
        }
    }
    let path = folder.join(format!("{}.csv", figure.name));
    atomic::write(&path, |out| figure.to_csv(out))?;
    paths.push(path);
    Ok(paths)
}

/// Removes the figures of an earlier drawing that no longer belong: their names begin with that of a figure.
fn remove_old(folder: &Path) -> Result<(), FigureError> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = figures::FIGURES.iter().any(|figure| name.starts_with(figure.name));
        if ours && [".svg", ".png", ".csv"].iter().any(|end| name.ends_with(end)) {
            atomic::remove(&entry.path())?;
        }
    }
    Ok(())
}
