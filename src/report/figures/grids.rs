//! Images: real ones, samples, and the training image that is nearest to each sample. A model that has memorized gives
//! samples that are nearer to a training image than fresh real images are.

use super::captions::{count, pipeline_name, setting};
use super::clouds::{chosen_points, runs_at};
use super::error::FigureError;
use super::file_names::file_names;
use super::model::{Axis, Figure, Form, Mark, Panel, PanelRow, Scale};
use super::results::Results;
use crate::data::images::{ImageShape, images_of};
use crate::data::source::Part;
use crate::report::point_names::point_name;
use crate::run::FinishedRun;
use ndarray::{Array2, ArrayView1, ArrayView2, Axis as Along, s};
use rayon::prelude::*;

/// Images in a row, and in all.
const COLUMNS: usize = 6;
const IMAGES: usize = COLUMNS * COLUMNS;

/// A figure for each sweep point, up to a number of them; none where the data are no images.
///
/// # Errors
/// If a run cannot be sampled again, or a picture not be made.
pub fn grids(results: &Results, notices: &mut Vec<String>) -> Result<Vec<Figure>, FigureError> {
    let study = results.study.as_ref();
    let Some(shape) = study.and_then(|study| study.base.data.source.image_shape()) else {
        return Ok(Vec::new());
    };
    let points = chosen_points(results, "grids of images", notices);
    let names: Vec<String> = points.iter().map(|values| point_name(&results.keys, values)).collect();
    let files = file_names("grids", &names);
    let figures = points.iter().zip(files).map(|(values, file)| figure(results, shape, values, file));
    Ok(figures.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().collect())
}

fn figure(
    results: &Results,
    shape: ImageShape,
    values: &[String],
    name: String,
) -> Result<Option<Figure>, FigureError> {
    let failed = |reason: String| FigureError::Picture { name: name.clone(), reason };
    let runs = runs_at(results, values)?;
    let Some((_, first)) = runs.first() else { return Ok(None) };
    // A sweep over the data may have images of several sizes.
    let shape = first.plan().data.source.image_shape().unwrap_or(shape);
    let draw = |part| {
        let plan = first.plan();
        let most = if part == Part::Train { plan.data.samples } else { IMAGES };
        plan.data.source.draw(part, most, plan.seed, first.replicate())
    };
    let (real, fresh, train) = (draw(Part::Reference), draw(Part::Fresh), draw(Part::Train));
    let of_fresh: Vec<f64> = nearest(fresh.view(), train.view()).into_iter().map(|near| near.1).collect();
    let mut distances = vec![format!("fresh real images {:.2}", median(&of_fresh))];
    let mut rows = Vec::new();
    for (pipeline, run) in &runs {
        let samples = samples(run)?;
        let near = nearest(samples.view(), train.view());
        let images = Array2::from_shape_fn(samples.dim(), |(i, j)| train[[near[i].0, j]]);
        let to_nearest: Vec<f64> = near.iter().map(|near| near.1).collect();
        distances.push(format!("{} {:.2}", pipeline_name(pipeline), median(&to_nearest)));
        let places = || near.iter().map(|near| near.0 as f64).collect::<Vec<_>>();
        let panels = [
            ("real images", &real, Vec::new(), Vec::new()),
            ("samples", &samples, Vec::new(), Vec::new()),
            ("nearest training images", &images, places(), to_nearest),
        ];
        let panel = |(title, points, index, distance): (&str, &Array2<f64>, Vec<f64>, Vec<f64>)| {
            let png = images_of(points.view(), shape).sheet(COLUMNS).map_err(&failed)?;
            let mark = Mark::Sheet { label: title.to_string(), png, index, distance };
            Ok(Panel { title: title.to_string(), x: bare(), y: bare(), colour: None, marks: vec![mark] })
        };
        rows.push(PanelRow {
            title: pipeline_name(pipeline).to_string(),
            role: results.role(pipeline),
            form: Form::Ratio(shape.height as f64 / shape.width as f64),
            panels: panels.into_iter().map(panel).collect::<Result<_, FigureError>>()?,
        });
    }
    let point = point_name(&results.keys, values);
    let setting = [setting(results), point].into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>();
    let note = format!(
        "In the same places: a sample and the training image nearest to it. Median distance to the nearest of the {} training images (Euclidean, values from -1 to 1): {}. Samples that are nearer than fresh real images are a sign of memorization. Replicate {}, values cut to [-1, 1].",
        count(train.nrows()),
        distances.join(", "),
        first.replicate()
    );
    let title = "Images, samples, and their nearest training images".to_string();
    Ok(Some(Figure { name: name.clone(), title, setting: setting.join(" · "), note, rows }))
}

/// The first samples of a run, as it made them.
fn samples(run: &FinishedRun) -> Result<Array2<f64>, FigureError> {
    let last = run.steps();
    let clouds = run.clouds(IMAGES, &|step| step == last)?;
    let points = clouds.into_iter().next_back().map(|cloud| cloud.points);
    Ok(points.map(|points| points.slice(s![..points.nrows().min(IMAGES), ..]).to_owned()).unwrap_or_default())
}

/// For each of the points the place of the nearest of the others, the first of several, and its Euclidean distance.
fn nearest(points: ArrayView2<f64>, others: ArrayView2<f64>) -> Vec<(usize, f64)> {
    let squared = |a: &ArrayView1<f64>, b: &ArrayView1<f64>| -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b) * (a - b)).sum()
    };
    let of = |point: ArrayView1<f64>| {
        let all = others.axis_iter(Along(0)).map(|other| squared(&point, &other)).enumerate();
        let (place, least) =
            all.fold((0, f64::INFINITY), |best, new| if new.1 < best.1 { new } else { best });
        (place, least.sqrt())
    };
    let rows: Vec<_> = points.axis_iter(Along(0)).collect();
    rows.into_par_iter().map(of).collect()
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    match sorted.len() {
        0 => f64::NAN,
        n => 0.5 * (sorted[(n - 1) / 2] + sorted[n / 2]),
    }
}

/// An axis without numbers.
fn bare() -> Axis {
    Axis { label: String::new(), scale: Scale::Named(Vec::new()), low: 0.0, high: 1.0 }
}
