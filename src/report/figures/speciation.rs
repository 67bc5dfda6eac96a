//! Where theory has the reverse process choose between the classes of the data, as a line in each figure of reverse steps.

use super::captions::pipeline_name;
use super::facets::Facet;
use super::model::{Ink, Mark, Role, Stroke};
use super::results::Results;

/// What the lines are, for the caption.
pub const SPECIATION_NOTE: &str = "Thin dashed vertical lines: the reverse step at which theory (Biroli et al. 2024) has each pipeline choose between the classes. ";

/// Lines for each pipeline at most: points of a sweep may have several.
const MOST: usize = 6;

/// A vertical line through the panel of a facet for each pipeline that it shows and each of its steps, from `low` to
/// `high`; none where the summary has no such step.
pub fn speciation_lines(results: &Results, facet: &Facet, (low, high): (f64, f64)) -> Vec<Mark> {
    let mut marks: Vec<Mark> = Vec::new();
    let mut drawn: Vec<f64> = Vec::new();
    for pipeline in &results.pipelines {
        let role = results.role(pipeline);
        if facet.role != Role::Data && facet.role != role {
            continue;
        }
        let of_pipeline = results.summary.iter().filter(|row| row.pipeline == *pipeline);
        let steps = of_pipeline.filter(|row| row.metric == "speciation_step").map(|row| row.numbers.mean);
        let mut own: Vec<f64> = Vec::new();
        // The exact denoiser has the step of the baseline.
        steps.filter(|step| !drawn.contains(step)).for_each(|step| {
            if !own.contains(&step) && own.len() < MOST {
                own.push(step);
            }
        });
        drawn.extend(&own);
        marks.extend(own.into_iter().map(|step| Mark::Line {
            origins: Vec::new(),
            label: format!("{}, speciation by theory", pipeline_name(pipeline)),
            named: false,
            ink: Ink { role, strength: 0.7 },
            stroke: Stroke::Guide,
            x: vec![step, step],
            y: vec![low, high],
            low: Vec::new(),
            high: Vec::new(),
        }));
    }
    marks
}
