//! Fig. 2 of the second paper: the isotropy along the forward process, measured and by its formula (I 20).

use super::captions::{pipeline_name, setting};
use super::model::{Axis, Figure, Form, Ink, Mark, Origin, Panel, PanelRow, Role, Stroke};
use super::results::{Results, RunRows};
use super::series::{NAMED_POINTS, strength};
use crate::report::point_names::point_name;
use crate::store::IsotropyRow;

/// The figure; none where no run wrote `isotropy.csv`.
pub fn isotropy(results: &Results) -> Option<Figure> {
    let runs = distinct(&results.isotropy);
    if runs.is_empty() {
        return None;
    }
    let mut marks = Vec::new();
    let dim = results.study.as_ref().map(|study| study.base.data.source.dim());
    if let Some(d) = dim {
        marks.push(Mark::Level {
            label: format!("N(0, I): d = {d}"),
            ink: Role::Data.into(),
            y: d as f64,
            band: None,
        });
    }
    let of_pipeline = |pipeline: &str, runs: &[&RunRows<IsotropyRow>]| {
        runs.iter().filter(|r| r.label.pipeline == pipeline).count()
    };
    for (i, run) in runs.iter().enumerate() {
        let all = of_pipeline(&run.label.pipeline, &runs);
        let mut name = pipeline_name(&run.label.pipeline).to_string();
        let mut ink = Ink::from(results.role(&run.label.pipeline));
        if all > 1 {
            name += &format!(", {}", point_name(&results.keys, &run.label.values));
            ink.strength = strength(of_pipeline(&run.label.pipeline, &runs[..i]), all);
        }
        let t: Vec<f64> = run.rows.iter().map(|row| row.t as f64).collect();
        let origin = Origin { pipeline: run.label.pipeline.clone(), point: run.label.values.clone() };
        marks.push(Mark::Line {
            origins: vec![origin.clone()],
            label: name.clone(),
            named: true,
            ink,
            stroke: Stroke::Normal,
            x: t.clone(),
            y: run.rows.iter().map(|row| row.formula).collect(),
            low: Vec::new(),
            high: Vec::new(),
        });
        let every = (t.len() / 25).max(1);
        let some = |values: Vec<f64>| values.into_iter().step_by(every).collect::<Vec<f64>>();
        marks.push(Mark::Points {
            origins: vec![origin],
            label: format!("{name}, measured"),
            ink,
            size: 5.0,
            x: some(t),
            y: some(run.rows.iter().map(|row| row.isotropy).collect()),
            value: Vec::new(),
        });
    }
    let rows = || runs.iter().flat_map(|run| &run.rows);
    let values = || rows().flat_map(|row| [row.isotropy, row.formula]).chain(dim.map(|d| d as f64));
    let high = values().fold(0.0, f64::max);
    let low = values().fold(f64::INFINITY, f64::min);
    let low = if low < 0.5 * high { 0.0 } else { low - 0.15 * (high - low).max(0.05 * high) };
    let last = rows().map(|row| row.t).max().unwrap_or(1);
    let panel = Panel {
        title: String::new(),
        x: Axis::linear("diffusion time t", 0.0, last as f64),
        y: Axis::linear("isotropy: mean of |x_t|²", low, high + 0.06 * (high - low)),
        colour: None,
        marks,
    };
    Some(Figure {
        name: "isotropy".to_string(),
        title: "Isotropy of the points along the forward process".to_string(),
        setting: setting(results),
        note: "Dots: measured on the training points as the network sees them. Lines: d + abar_t (mean of |x_0|² \u{2212} d)."
            .to_string(),
        rows: vec![PanelRow {
            title: String::new(),
            role: Role::Data,
            form: Form::Ratio(0.5),
            panels: vec![panel],
        }],
    })
}

/// The first run of each kind of points: replicates, and points of a sweep that leave the data alone, agree
/// but for the noise.
fn distinct(runs: &[RunRows<IsotropyRow>]) -> Vec<&RunRows<IsotropyRow>> {
    let mut kept: Vec<&RunRows<IsotropyRow>> = Vec::new();
    let first_replicate = runs.iter().map(|r| r.label.replicate).min().unwrap_or(0);
    for run in runs.iter().filter(|r| r.label.replicate == first_replicate && !r.rows.is_empty()) {
        if kept.iter().all(|old| old.rows != run.rows) && kept.len() < NAMED_POINTS {
            kept.push(run);
        }
    }
    kept
}
