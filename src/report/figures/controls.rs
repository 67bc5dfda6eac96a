//! Real images that were made worse, in the plane of precision and density, beside the rows of the second paper's tables.

use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Role, Scale, Stroke};
use super::paper_table::image_rows;
use crate::data::images::Degradation;
use crate::numeric::intervals::Interval;

/// The smallest precision and density that the axes show: those of the paper's rows lie above. Below, where an image set has
/// little to do with the real one, paths leave the panel.
const LEAST_PRECISION: f64 = 0.55;
const LEAST_DENSITY: f64 = 0.3;

/// A density that an axis of logarithms can take.
const TINY: f64 = 1e-6;

/// Colours of the controls, in the order of their table, and of the paper's data sets.
const OF_CONTROLS: [Role; 4] = [Role::Own(0), Role::Own(1), Role::Own(3), Role::Own(7)];
const OF_PAPER: [(&str, Role); 4] = [
    ("Oxford Flower", Role::Paper),
    ("Oxford-IIIT-Pet", Role::Own(4)),
    ("CIFAR-10", Role::Own(5)),
    ("CIFAR-100", Role::Own(6)),
];

/// Precision and density of a control.
#[derive(Debug, Clone, PartialEq)]
pub struct ControlPoint {
    /// What was done to the images.
    pub control: Degradation,
    /// The features in which they were compared.
    pub features: String,
    /// How many were compared with as many.
    pub count: usize,
    /// Mean over replicates.
    pub precision: Interval,
    /// The same.
    pub density: Interval,
}

/// A panel for each kind of features, a row for each number of images, in the order of the points.
pub fn controls(points: &[ControlPoint], setting: &str) -> Figure {
    let (mut features, mut counts): (Vec<&str>, Vec<usize>) = (Vec::new(), Vec::new());
    for point in points {
        if !features.contains(&point.features.as_str()) {
            features.push(&point.features);
        }
        if !counts.contains(&point.count) {
            counts.push(point.count);
        }
    }
    let axes = axes(points);
    let row = |count: usize| {
        let panel = |features: &&str| {
            let own = points.iter().filter(|p| p.count == count && p.features == **features);
            panel(features, &own.collect::<Vec<_>>(), &axes)
        };
        PanelRow {
            title: format!("{count} images"),
            role: Role::Data,
            form: Form::Ratio(0.9),
            panels: features.iter().map(panel).collect(),
        }
    };
    let note = "Filled: each control, with the 95 % interval of its density over replicates; a line leads from fresh real images through its strengths in their order (blur: standard deviation in pixels; faded: factor of the values; noise: standard deviation in units of the range), and leaves the panel where precision or density get smaller. Open: models of the second paper's Tables 2 to 4, a dashed line from DDPM (lambda 0) on, by lambda where the table says it. These are of other images and numbers of images, so compare directions and sizes, not ranks.";
    Figure {
        name: "controls".to_string(),
        title: "Real images made worse: precision and density".to_string(),
        setting: setting.to_string(),
        note: note.to_string(),
        rows: counts.into_iter().map(row).collect(),
    }
}

/// Axes that show the paper's rows and the upper part of the controls', the same in all panels.
fn axes(points: &[ControlPoint]) -> (Axis, Axis) {
    let densities =
        points.iter().map(|p| p.density.mean).chain(image_rows().into_iter().map(|row| row.density));
    let most = densities.filter(|v| v.is_finite()).fold(1.0, f64::max);
    let x = Axis::linear("precision", LEAST_PRECISION, 1.01);
    (x, Axis { label: "density".to_string(), scale: Scale::Log, low: LEAST_DENSITY, high: most * 1.3 })
}

fn panel(features: &str, points: &[&ControlPoint], (x, y): &(Axis, Axis)) -> Panel {
    let fresh = points.iter().find(|p| p.control == Degradation::None);
    let mut words: Vec<&str> = Vec::new();
    for word in points.iter().map(|p| p.control.word()) {
        if !words.contains(&word) && word != Degradation::None.word() {
            words.push(word);
        }
    }
    let mut marks = paper_marks();
    for (number, word) in words.into_iter().enumerate() {
        let own: Vec<&ControlPoint> = points.iter().filter(|p| p.control.word() == word).copied().collect();
        let strengths = own.iter().filter_map(|p| Some(p.control.strength()?.to_string()));
        let label = format!("{} {}", name(word), strengths.collect::<Vec<_>>().join(", "));
        let role = OF_CONTROLS[number % OF_CONTROLS.len()];
        let path: Vec<&ControlPoint> = fresh.into_iter().chain(&own).copied().collect();
        marks.push(Mark::Line {
            origins: Vec::new(),
            label: label.clone(),
            named: false,
            ink: role.into(),
            stroke: Stroke::Normal,
            x: path.iter().map(|p| p.precision.mean).collect(),
            y: path.iter().map(|p| p.density.mean.max(TINY)).collect(),
            low: Vec::new(),
            high: Vec::new(),
        });
        marks.push(dots(&label, role, &own));
    }
    let fresh: Vec<&ControlPoint> = fresh.copied().into_iter().collect();
    marks.push(dots("fresh real images", Role::Data, &fresh));
    Panel { title: format!("in features: {features}"), x: x.clone(), y: y.clone(), colour: None, marks }
}

/// A control in words that its strengths follow.
fn name(word: &str) -> &str {
    match word {
        "blur" => "blurred by",
        "fade" => "faded to",
        "noise" => "noise of",
        "repeat" => "repeated, times",
        other => other,
    }
}

/// Means with the intervals of their densities.
fn dots(label: &str, role: Role, points: &[&ControlPoint]) -> Mark {
    let ends = |p: &&ControlPoint| p.density.ends_within((TINY, f64::INFINITY));
    Mark::Intervals {
        origins: Vec::new(),
        label: label.to_string(),
        ink: role.into(),
        open: false,
        x: points.iter().map(|p| p.precision.mean).collect(),
        y: points.iter().map(|p| p.density.mean.max(TINY)).collect(),
        low: points.iter().map(|p| ends(p).map_or(p.density.mean, |ends| ends.0)).collect(),
        high: points.iter().map(|p| ends(p).map_or(p.density.mean, |ends| ends.1)).collect(),
    }
}

/// The paper's rows: of a data set all of its lambdas where a table has them, else the two of Table 2.
fn paper_marks() -> Vec<Mark> {
    let rows = image_rows();
    let of = |(data, role): (&str, Role)| {
        let table = rows.iter().filter(|row| row.data == data).map(|row| row.table).max();
        let own = rows.iter().filter(|row| row.data == data && Some(row.table) == table);
        let (x, y): (Vec<f64>, Vec<f64>) = own.map(|row| (row.precision, row.density)).unzip();
        let label = format!("paper: {data}");
        let (ink, none) = (role.into(), Vec::new);
        let line = Mark::Line {
            origins: Vec::new(),
            label: label.clone(),
            named: false,
            ink,
            stroke: Stroke::Dashed,
            x: x.clone(),
            y: y.clone(),
            low: none(),
            high: none(),
        };
        let (low, high) = (y.clone(), y.clone());
        [line, Mark::Intervals { origins: Vec::new(), label, ink, open: true, x, y, low, high }]
    };
    OF_PAPER.into_iter().flat_map(of).collect()
}
