//! The part of the page that looks inside the reverse process: of some sweep points the clouds of each pipeline, and
//! beside them curves with a marker at the step of the slider.

use super::clouds::{Behind, positions};
use super::curves::{self, Drawn, DrawnAxis, Panel, curves};
use super::origins::Origins;
use super::stops::{Process, Stop, reached, stops, time_of};
use crate::diffusion::DiagnosticsOptions;
use crate::report::figures::Results;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::{css_name, escape, number_label};
use crate::report::point_names::point_name;
use crate::run::{FinishedRun, RunError};
use crate::spec::Plan;
use crate::store::{CloningStep, Label, Status, names};
use serde::Serialize;
use std::fmt::Write;

/// Sweep points to choose from at most.
const MOST_RUNS: usize = 12;

/// Stops of the slider at most, where few runs are shown and where many.
const STOPS: (usize, usize) = (101, 51);

/// Points of a cloud at most and at least.
const POINTS: (usize, usize) = (1000, 200);

/// Ticks of each axis of a cloud, about.
const CLOUD_TICKS: f64 = 4.0;

/// Bytes of all clouds together, before they are written as text.
const BYTES: usize = 3_500_000;

/// One sweep point.
#[derive(Serialize)]
pub struct Shown {
    /// The name of the sweep point.
    pub name: String,
    /// The axes of the clouds, horizontal and vertical.
    axes: Option<[DrawnAxis; 2]>,
    /// Lines of equal density, each as encoded positions.
    contours: Vec<String>,
    /// Real points, as encoded positions; empty where there are contours.
    behind: String,
    /// Where the slider stops.
    stops: Vec<Stop>,
    panels: Vec<Panel>,
    sides: Vec<Side>,
}

/// One pipeline.
#[derive(Serialize)]
struct Side {
    pipeline: String,
    name: String,
    /// Whose results it shows, by number.
    of: Option<usize>,
    /// The name of its colour in the style sheet.
    colour: &'static str,
    /// Where it is at each stop of the slider.
    stops: Vec<Stop>,
    /// Which of its clouds that is, by its number.
    clouds: Vec<usize>,
    /// All clouds; empty where there are none.
    positions: String,
    /// Lines at fixed places.
    guides: Vec<Guide>,
    /// What they say, in a sentence.
    words: String,
    /// A curve for each panel.
    curves: Vec<Option<Drawn>>,
}

/// A line at a fixed step.
#[derive(Serialize)]
struct Guide {
    name: &'static str,
    step: f64,
    t: Option<f64>,
}

/// The run of one pipeline that is shown: the first replicate that is there.
struct Chosen<'a> {
    pipeline: &'a str,
    replicate: usize,
    run: Option<FinishedRun>,
    status: Option<&'a Status>,
    process: Process,
}

/// Up to a number of sweep points, evenly chosen; and why clouds are missing, where they cannot be drawn again.
pub fn inside(results: &Results, origins: &Origins) -> (Vec<Shown>, Option<RunError>) {
    let of_runs = results.runs.iter().map(|(_, status)| &status.label);
    let of_tables = results.metrics.iter().map(|run| &run.label).filter(|_| results.runs.is_empty());
    let mut points: Vec<&[String]> = Vec::new();
    for label in of_runs.chain(of_tables) {
        if !points.contains(&label.values.as_slice()) {
            points.push(&label.values);
        }
    }
    let n = points.len();
    if n > MOST_RUNS {
        points = (0..MOST_RUNS).map(|i| points[i * (n - 1) / (MOST_RUNS - 1)]).collect();
    }
    let sides = points.len() * results.pipelines.len().max(1);
    let most_stops = if sides > 6 { STOPS.1 } else { STOPS.0 };
    let count = (BYTES / (sides.max(1) * most_stops * 4)).clamp(POINTS.1, POINTS.0);
    let mut failed = None;
    let shown =
        points.iter().filter_map(|values| shown((results, origins), values, count, most_stops, &mut failed));
    (shown.collect(), failed)
}

/// Whether two axes show points as a cloud: points on a line make none, and of an image two pixels say nothing.
fn has_clouds(plan: &Plan) -> bool {
    plan.data.source.dim() >= 2 && plan.data.source.image_shape().is_none()
}

fn shown(
    (results, origins): (&Results, &Origins),
    values: &[String],
    count: usize,
    most_stops: usize,
    failed: &mut Option<RunError>,
) -> Option<Shown> {
    let chosen: Vec<Chosen> =
        results.pipelines.iter().filter_map(|p| Chosen::of(results, p, values, failed)).collect();
    let stops = stops(&chosen.iter().map(|c| &c.process).collect::<Vec<_>>(), most_stops);
    let reached: Vec<Vec<Stop>> = chosen.iter().map(|c| reached(&c.process, &stops)).collect();
    let runs: Vec<curves::Run> = (chosen.iter().zip(&reached))
        .map(|(c, stops)| curves::Run { pipeline: c.pipeline, values, replicate: c.replicate, stops })
        .collect();
    let (panels, drawn) = curves(results, &runs);
    let first = chosen.iter().find_map(|c| c.run.as_ref()).filter(|run| has_clouds(run.plan()));
    let behind = first.and_then(|run| kept(Behind::of(run), failed));
    let mut sides = Vec::new();
    for ((chosen, stops), curves) in chosen.iter().zip(reached).zip(drawn) {
        let mut steps: Vec<usize> = stops.iter().map(|stop| stop.step).collect();
        steps.dedup();
        let clouds = behind.as_ref().zip(chosen.run.as_ref());
        let positions = clouds
            .and_then(|(behind, run)| kept(positions(run, behind.frame, &steps, count), failed))
            .unwrap_or_default();
        let number = |stop: &Stop| steps.binary_search(&stop.step).expect("each step is there");
        sides.push(Side {
            pipeline: chosen.pipeline.to_string(),
            name: pipeline_name(chosen.pipeline).to_string(),
            of: origins.number(chosen.pipeline, values),
            colour: css_name(results.role(chosen.pipeline)),
            clouds: stops.iter().map(number).collect(),
            stops,
            positions,
            guides: chosen.guides(),
            words: chosen.words(),
            curves,
        });
    }
    let anything = !panels.is_empty() || sides.iter().any(|side| !side.positions.is_empty());
    let axes = behind.as_ref().map(|behind| {
        let (mut x, mut y) = behind.frame.axes();
        [x.label, y.label] = behind.names.clone();
        [x, y].map(|axis| DrawnAxis::new(axis, CLOUD_TICKS))
    });
    let (contours, behind) = behind.map_or_else(Default::default, |b| (b.contours, b.points));
    anything.then(|| Shown {
        name: point_name(&results.keys, values),
        axes,
        contours,
        behind,
        stops,
        panels,
        sides,
    })
}

/// A value, or none; the first error is kept.
fn kept<T>(result: Result<T, RunError>, failed: &mut Option<RunError>) -> Option<T> {
    result.map_err(|error| failed.get_or_insert(error)).ok()
}

impl<'a> Chosen<'a> {
    /// None where neither a run nor a table has the pipeline at that sweep point.
    fn of(
        results: &'a Results,
        pipeline: &'a str,
        values: &[String],
        failed: &mut Option<RunError>,
    ) -> Option<Self> {
        let found = results.run(pipeline, values);
        let here = |label: &Label| label.pipeline == pipeline && label.values == values;
        let tables = || results.metrics.iter().filter(|run| here(&run.label));
        let first = tables().map(|run| run.label.replicate).min();
        let replicate = found.map(|(_, status)| status.label.replicate).or(first)?;
        let run = found.and_then(|(folder, _)| kept(FinishedRun::open(folder), failed));
        let stop = |(step, t): (usize, usize)| Stop { step, t };
        let process: Process = match run.as_ref().and_then(|run| kept(run.times(), failed)) {
            Some(times) => times.into_iter().enumerate().map(stop).collect(),
            // The scored steps are those that the tables know.
            None => {
                let rows = tables().find(|run| run.label.replicate == replicate)?.rows.iter();
                rows.map(|row| stop((row.step, row.t))).collect()
            }
        };
        let status = found.map(|(_, status)| status);
        (!process.is_empty()).then_some(Self { pipeline, replicate, run, status, process })
    }

    fn theory(&self) -> Option<usize> {
        self.status?.speciation_step
    }

    fn cloning(&self) -> Option<CloningStep> {
        self.status?.cloning_step
    }

    /// The speciation step by theory, and that of cloning.
    fn guides(&self) -> Vec<Guide> {
        let guide = |name, step| Guide { name, step, t: time_of(&self.process, step) };
        let theory = self.theory().map(|step| guide("speciation by theory", step as f64));
        let cloning = self.cloning().map(|cloning| guide("cloning", cloning.step));
        theory.into_iter().chain(cloning).collect()
    }

    /// The same in a sentence.
    fn words(&self) -> String {
        let by_cloning = self.cloning().map(|c| {
            let [step, low, high] = [c.step, c.low, c.high].map(|v| number_label(v, 1));
            format!("cloning at step {step} (95 % interval {low} to {high})")
        });
        match (self.theory(), by_cloning) {
            (Some(theory), Some(cloning)) => {
                format!("It chooses between the classes at step {theory} by theory, and by {cloning}.")
            }
            (Some(theory), None) => format!("It chooses between the classes at step {theory} by theory."),
            (None, Some(cloning)) => {
                format!("It chooses between the modes by {cloning}; theory names no step.")
            }
            (None, None) => String::new(),
        }
    }
}

/// The part as text: slider, button and, where there are several sweep points, a choice of them; and what is not there.
pub fn section(results: &Results, shown: &[Shown]) -> String {
    if shown.is_empty() {
        return String::new();
    }
    let mut text = "<p>Each cloud shows the samples of a pipeline after the reverse step of the slider, and the marker in \
                    every curve stands at the same step. The arrow keys move the slider. Clouds and curves are those of \
                    the first replicate.</p>"
        .to_string();
    text += r#"<div class="controls"><button id="play" type="button">Play</button><input id="step" type="range" autocomplete="off" min="0" max="1" value="0" aria-label="reverse step"><output id="shown-step" for="step" aria-live="off"></output>"#;
    if shown.len() > 1 {
        text += r#"<label>Sweep point <select id="run" autocomplete="off">"#;
        for (i, point) in shown.iter().enumerate() {
            let _ = write!(text, r#"<option value="{i}">{}</option>"#, escape(&point.name));
        }
        text += "</select></label>";
    }
    text += r#"</div><div id="sides"></div>"#;
    text += r#"<div id="pair"></div>"#;
    for sentence in missing(results, shown) {
        let _ = write!(text, r#"<p class="muted">{sentence}</p>"#);
    }
    text
}

/// What the part could show and does not, a sentence each.
fn missing(results: &Results, shown: &[Shown]) -> Vec<String> {
    let mut sentences = Vec::new();
    let sides = || shown.iter().flat_map(|point| &point.sides);
    let late = |point: &Shown| point.sides.iter().any(|side| side.stops.first() != point.stops.first());
    if shown.iter().any(late) {
        sentences.push(
            "A pipeline with a later start stands at its first step until the slider has come to the diffusion time of \
             that start."
                .to_string(),
        );
    }
    let study = results.study.as_ref().map(|study| &study.base);
    if study.is_some_and(|plan| plan.data.source.image_shape().is_some()) {
        sentences.push("Samples of images are among the figures.".to_string());
    } else if study.is_some_and(|plan| !has_clouds(plan)) {
        sentences.push("Points in one dimension have no cloud.".to_string());
    } else if sides().any(|side| side.positions.is_empty()) {
        sentences.push("A cloud is missing where its run is not here to be sampled again.".to_string());
    }
    let add = |what: &str, key: &str, file: &str, asked: bool| {
        if asked {
            format!("{what} are asked for, but no run here has a row of <code>{file}</code>.")
        } else {
            format!(
                "{what} are not measured here; <code>[diagnostics] {key} = true</code> in the spec adds them."
            )
        }
    };
    let asked = |key: fn(&DiagnosticsOptions) -> bool| study.is_some_and(|plan| key(&plan.diagnostics));
    if results.bifurcation.iter().all(|run| run.rows.is_empty()) {
        sentences.push(match study.is_some_and(|plan| plan.data.source.mixture().is_none()) {
            true => "Commitment, cloning and entropy are those of the modes of a mixture of Gaussians, which these data \
                     are not."
                .to_string(),
            false => {
                add("Commitment, cloning and entropy", "cloning", names::BIFURCATION, asked(|d| d.cloning))
            }
        });
    }
    if results.errors.iter().all(|run| run.rows.is_empty()) {
        let errors = "Errors of the predicted noise by diffusion time";
        sentences.push(add(errors, "error_over_t", names::ERROR_OVER_T, asked(|d| d.error_over_t)));
    }
    sentences
}
