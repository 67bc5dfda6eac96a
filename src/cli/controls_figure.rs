//! The figure of `gdiff controls`.

use super::{Failure, refuse_input_at, write_file};
use crate::data::images::Degradation;
use crate::numeric::intervals::mean_interval;
use crate::report::figures::controls::{ControlPoint, controls as figure_of};
use crate::report::figures::draw::{Theme, png, svg};
use crate::spec::Plan;
use clap::Args;
use std::path::{Path, PathBuf};

/// What was scored in some features: their name, the number of images, and for each control and metric the value of each
/// replicate.
pub(super) type ScoredParts<'a> = (&'a str, usize, &'a [Vec<Vec<f64>>]);

/// Places of precision and density among the metrics.
const PRECISION: usize = 0;
const DENSITY: usize = 2;

/// What to draw.
#[derive(Debug, Args)]
pub struct FigureArgs {
    /// Draw each control's path in the plane of precision and density, beside the second paper's tables: SVG or PNG by the
    /// file's name
    #[arg(long, value_name = "FILE")]
    pub plot: Option<PathBuf>,
    /// Draw a dark figure too, NAME-dark.svg or .png
    #[arg(long, requires = "plot")]
    pub dark: bool,
}

impl FigureArgs {
    /// The files of the figure, each with its theme; `others` may not be among them.
    pub(super) fn pictures(&self, others: &[&Path]) -> Result<Vec<(PathBuf, Theme)>, Failure> {
        let Some(plot) = &self.plot else { return Ok(Vec::new()) };
        let end = plot.extension().map(|end| end.to_string_lossy().into_owned()).unwrap_or_default();
        if !["svg", "png"].iter().any(|known| end.eq_ignore_ascii_case(known)) {
            return Err(Failure::input(format!(
                "--plot {}: a figure is an SVG or a PNG, which the file's name says; give NAME.svg or NAME.png",
                plot.display()
            )));
        }
        let stem = plot.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
        let dark = self.dark.then(|| (plot.with_file_name(format!("{stem}-dark.{end}")), Theme::Dark));
        let pictures: Vec<(PathBuf, Theme)> =
            [(plot.clone(), Theme::Light)].into_iter().chain(dark).collect();
        pictures.iter().try_for_each(|(path, _)| refuse_input_at("--plot", path, others))?;
        Ok(pictures)
    }
}

/// Draws the figure into each of the files.
pub(super) fn draw(
    pictures: &[(PathBuf, Theme)],
    plan: &Plan,
    scored: &[ScoredParts],
) -> Result<(), Failure> {
    if pictures.is_empty() {
        return Ok(());
    }
    let figure = figure_of(&points(scored), &setting(plan));
    for (path, theme) in pictures {
        let drawn = svg(&figure, *theme);
        match is_png(path) {
            true => {
                let png = png(&drawn).map_err(Failure::running)?;
                write_file(path, |file| file.write_all(&png))?;
            }
            false => write_file(path, |file| file.write_all(drawn.as_bytes()))?,
        }
    }
    Ok(())
}

fn is_png(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("png"))
}

/// Precision and density of every row.
fn points(scored: &[ScoredParts]) -> Vec<ControlPoint> {
    let of = |(features, count, values): &ScoredParts| -> Vec<ControlPoint> {
        let point = |(control, own): (Degradation, &Vec<Vec<f64>>)| {
            Some(ControlPoint {
                control,
                features: features.to_string(),
                count: *count,
                precision: mean_interval(&own[PRECISION])?,
                density: mean_interval(&own[DENSITY])?,
            })
        };
        Degradation::USUAL.into_iter().zip(*values).filter_map(point).collect()
    };
    scored.iter().flat_map(of).collect()
}

/// What the figure says of the data.
fn setting(plan: &Plan) -> String {
    let name = plan.data_name();
    let size = plan.data.source.image_shape().expect("the data are images");
    let replicates = match plan.replicates {
        1 => "1 replicate".to_string(),
        several => format!("{several} replicates"),
    };
    format!(
        "{name}, {} x {} pixels \u{b7} k = {} \u{b7} {replicates}",
        size.height, size.width, plan.metrics.k
    )
}
