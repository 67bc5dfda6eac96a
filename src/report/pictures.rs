//! The figures of an output folder as files: SVG, PNG, and the numbers of each as CSV; and the page.

use super::page::page;
use crate::experiment::files;
use crate::figures::draw::{Theme, png, svg};
use crate::figures::{self, Figure, FigureError, Results};
use std::path::{Path, PathBuf};

/// The page.
const PAGE: &str = "report.html";

/// The folder of the figures.
const FOLDER: &str = "figures";

/// Names of figures begin with one of these; files of an earlier drawing that no longer belong are removed.
const STEMS: [&str; 8] =
    ["clouds", "log_likelihood", "loss", "prdc_steps", "last_step", "isotropy", "spheres", "layers"];

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
    let folder = out.join(FOLDER);
    files::make_folder(&folder)?;
    remove_old(&folder)?;
    let mut paths = Vec::new();
    for figure in &figures {
        paths.extend(write_one(figure, &folder, dark)?);
    }
    let text = page(&mut results, &figures);
    let page = out.join(PAGE);
    files::write(&page, |out| out.write_all(text.as_bytes()))?;
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
            files::write(&path, |out| out.write_all(bytes))?;
            paths.push(path);
        }
    }
    let path = folder.join(format!("{}.csv", figure.name));
    files::write(&path, |out| figure.to_csv(out))?;
    paths.push(path);
    Ok(paths)
}

/// Removes the figures of an earlier drawing.
fn remove_old(folder: &Path) -> Result<(), FigureError> {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let ours = STEMS.iter().any(|stem| name.starts_with(stem));
        if ours && [".svg", ".png", ".csv"].iter().any(|end| name.ends_with(end)) {
            files::remove(&entry.path())?;
        }
    }
    Ok(())
}
