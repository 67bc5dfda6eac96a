//! The figures of an output folder as files: SVG, PNG, and the numbers of each as CSV; and the page. A file that stands
//! in the place of one of them and that no drawing wrote is left alone.

use super::page::{is_page, page};
use crate::report::figures::draw::{Theme, png, svg};
use crate::report::figures::{self, FIGURES, Figure, FigureError, Results};
use crate::store::drawn_files::{DrawnFiles, Standing};
use crate::store::leftovers::remove_leftovers;
use crate::store::{Lock, atomic, names};
use crate::study::mark::has_mark;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// The ends of the files of a figure.
const ENDS: [&str; 3] = ["svg", "png", "csv"];

/// Names that a sentence shows at most.
const SHOWN: usize = 3;

/// How to draw.
#[derive(Debug, Clone, Copy, Default)]
pub struct DrawOptions {
    /// Write dark figures too.
    pub dark: bool,
    /// Overwrite files that stand in the place of a figure or the page and that no drawing wrote.
    pub force: bool,
}

/// What was drawn.
#[derive(Debug)]
pub struct Written {
    /// The page.
    pub page: PathBuf,
    /// The figures.
    pub figures: Vec<PathBuf>,
    /// What was left out or left alone, and why.
    pub notices: Vec<String>,
}

/// Draws everything that results hold into `out/figures` and `out/report.html`. Figures of an earlier drawing are
/// removed where others of their kind were drawn; they stay where nothing of their kind can be drawn now.
///
/// # Errors
/// If `out` is the folder of another study, a file stands in the place of another one and was not drawn, a file cannot be
/// written, or a picture not be made.
pub fn write_figures(mut results: Results, out: &Path, options: DrawOptions) -> Result<Written, FigureError> {
    let beside = is_same(&results.folder, out);
    if !beside && has_mark(out) {
        return Err(FigureError::OtherStudy(out.to_path_buf()));
    }
    let figures = figures::all(&mut results);
    let folder = out.join(names::FIGURES);
    let themes = if options.dark { &[Theme::Light, Theme::Dark][..] } else { &[Theme::Light] };
    let all = || {
        let of_figures = figures.iter().flat_map(|figure| figure_files(figure, themes));
        of_figures.chain([names::PAGE.to_string()])
    };
    // A drawing that is refused leaves nothing behind.
    Drawing::begin(out, options).refuse_other_files(all())?;
    atomic::make_folder(&folder)?;
    let _lock = Lock::exclusive(&folder)?;
    remove_leftovers(&folder)?;
    remove_leftovers(out)?;
    let mut drawing = Drawing::begin(out, options);
    drawing.refuse_other_files(all())?;
    let mut paths = Vec::new();
    for figure in &figures {
        paths.extend(drawing.write(&rendered(figure, themes)?)?);
    }
    let text = page(&mut results, &figures, beside);
    drawing.write(&[(names::PAGE.to_string(), text.into_bytes())])?;
    let mut notices = results.notices;
    notices.extend(drawing.finish(&figures)?);
    Ok(Written { page: out.join(names::PAGE), figures: paths, notices })
}

/// Whether two paths are one folder.
fn is_same(one: &Path, other: &Path) -> bool {
    matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}

/// The name of a figure's file, relative to the output folder.
fn file_name(figure: &Figure, theme: Theme, end: &str) -> String {
    let dark = if matches!(theme, Theme::Dark) { "-dark" } else { "" };
    format!("{}/{}{dark}.{end}", names::FIGURES, figure.name)
}

/// The files of a figure in the order in which they are written: a picture in each theme as SVG and PNG, then the numbers.
fn figure_files(figure: &Figure, themes: &[Theme]) -> Vec<String> {
    let pictures = themes.iter().flat_map(|theme| ["svg", "png"].map(|end| file_name(figure, *theme, end)));
    pictures.chain([file_name(figure, Theme::Light, "csv")]).collect()
}

/// The same files with their bytes.
fn rendered(figure: &Figure, themes: &[Theme]) -> Result<Vec<(String, Vec<u8>)>, FigureError> {
    let failed = |reason: String| FigureError::Picture { name: figure.name.clone(), reason };
    let mut bytes = Vec::new();
    for theme in themes {
        let drawn = svg(figure, *theme);
        let picture = png(&drawn).map_err(failed)?;
        bytes.extend([drawn.into_bytes(), picture]);
    }
    let mut table = Vec::new();
    figure.to_csv(&mut table).map_err(|e| failed(e.to_string()))?;
    bytes.push(table);
    Ok(figure_files(figure, themes).into_iter().zip(bytes).collect())
}

/// A drawing into a folder, and the list of what was drawn there.
struct Drawing<'a> {
    out: &'a Path,
    force: bool,
    list: DrawnFiles,
    /// There is no list, and an earlier version has drawn here: its page says so.
    without_list: bool,
    written: HashSet<String>,
}

impl<'a> Drawing<'a> {
    fn begin(out: &'a Path, options: DrawOptions) -> Self {
        let list = DrawnFiles::read(out);
        let without_list = list.is_none() && is_page(&out.join(names::PAGE));
        let list = list.unwrap_or_default();
        Self { out, force: options.force, list, without_list, written: HashSet::new() }
    }

    /// Refuses the drawing if files stand in the place of those that are to be written and no drawing wrote them.
    fn refuse_other_files(&self, files: impl Iterator<Item = String>) -> Result<(), FigureError> {
        if self.force || self.without_list {
            return Ok(());
        }
        let others: Vec<String> =
            files.filter(|name| self.list.standing(self.out, name) == Standing::Other).collect();
        if others.is_empty() {
            return Ok(());
        }
        let paths: Vec<String> =
            others.iter().map(|name| self.out.join(name).display().to_string()).collect();
        Err(FigureError::NotDrawn { files: some_of(&paths), count: paths.len() })
    }

    /// Writes files, which stand on the list before they are there.
    fn write(&mut self, files: &[(String, Vec<u8>)]) -> Result<Vec<PathBuf>, FigureError> {
        files.iter().for_each(|(name, bytes)| self.list.add(name, atomic::digest(bytes)));
        self.list.write(self.out)?;
        let mut paths = Vec::new();
        for (name, bytes) in files {
            let path = self.out.join(name);
            let digest = atomic::write(&path, |out| out.write_all(bytes))?;
            self.list.settle(name, digest);
            self.written.insert(name.clone());
            paths.push(path);
        }
        Ok(paths)
    }

    /// Removes the figures of an earlier drawing that others of their kind replace, completes the list, and says what
    /// stays.
    fn finish(mut self, figures: &[Figure]) -> Result<Vec<String>, FigureError> {
        let is_drawn = |kind: &str| figures.iter().any(|figure| figure.name.starts_with(kind));
        let old: Vec<String> =
            self.list.names().filter(|name| !self.written.contains(*name)).map(str::to_string).collect();
        let (mut kept, mut changed) = (Vec::new(), Vec::new());
        for name in old {
            match (self.list.standing(self.out, &name), kind(&name).is_some_and(is_drawn)) {
                (Standing::Drawn, true) => {
                    atomic::remove(&self.out.join(&name))?;
                    self.list.forget(&name);
                }
                (Standing::Drawn, false) => kept.push(name),
                (Standing::Other, _) => {
                    changed.push(name.clone());
                    self.list.forget(&name);
                }
                (Standing::Nothing, _) => self.list.forget(&name),
            }
        }
        self.list.write(self.out)?;
        let folder = self.out.display();
        let mut notices = Vec::new();
        if !kept.is_empty() {
            notices.push(format!(
                "{} of an earlier drawing stay in {folder}: nothing can be drawn in their place now",
                some_of(&kept)
            ));
        }
        if !changed.is_empty() {
            notices.push(format!(
                "{} in {folder} are not part of this drawing and stay: they were changed since they were drawn",
                some_of(&changed)
            ));
        }
        let strange = if self.without_list { self.like_figures() } else { Vec::new() };
        if !strange.is_empty() {
            notices.push(format!(
                "{} in {folder} look like figures of an earlier version and stay, since no list says what it drew",
                some_of(&strange)
            ));
        }
        Ok(notices)
    }

    /// The files that have the name of a figure and are not part of this drawing.
    fn like_figures(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.out.join(names::FIGURES)).into_iter().flatten().flatten();
        let names = entries.map(|e| format!("{}/{}", names::FIGURES, e.file_name().to_string_lossy()));
        let ends = |name: &String| ENDS.iter().any(|end| name.ends_with(&format!(".{end}")));
        let mut found: Vec<String> = names.filter(|n| kind(n).is_some() && ends(n)).collect();
        found.retain(|name| !self.written.contains(name));
        found.sort();
        found
    }
}

/// The kind of the figure of that file, by its name.
fn kind(file: &str) -> Option<&'static str> {
    let name = file.strip_prefix(names::FIGURES)?.strip_prefix('/')?;
    FIGURES.iter().map(|figure| figure.name).find(|kind| name.starts_with(kind))
}

/// The first of some names, and how many more there are.
fn some_of(names: &[String]) -> String {
    let shown = names[..names.len().min(SHOWN)].join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}
