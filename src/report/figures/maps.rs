//! The map alone beside the curves of reverse steps: an open dot at step 0, and a thin line at its level.

use super::captions::pipeline_name;
use super::facets::Facet;
use super::model::{Ink, Mark, Role, Stroke};
use super::results::Results;
use super::series::NAMED_POINTS;
use crate::report::comparison::{Comparison, Line};
use crate::report::point_names::point_name;

/// Adds the maps alone to the panels of their pipelines; returns their values. Points of a sweep that share a map share
/// its dot; more than so many of one pipeline are left out.
pub fn add_maps(results: &Results, column: &str, facets: &mut [Facet]) -> Vec<f64> {
    let comparison = Comparison::new(&results.summary);
    let maps: Vec<Line> =
        comparison.lines().into_iter().filter(|line| matches!(line, Line::MapAlone(..))).collect();
    let mut values = Vec::new();
    for facet in facets {
        for line in &maps {
            let role = results.role(line.pipeline());
            // One panel of all pipelines has no role of its own.
            if facet.role != Role::Data && facet.role != role {
                continue;
            }
            let of_pipeline = maps.iter().filter(|other| other.pipeline() == line.pipeline()).count();
            let Some(estimate) = comparison.value(*line, column).filter(|_| of_pipeline <= NAMED_POINTS)
            else {
                continue;
            };
            let last = facet.curves.iter().filter_map(|c| c.x.last()).fold(0.0, |a: f64, b| a.max(*b));
            let mut label = format!("{}, the map alone (step 0)", pipeline_name(line.pipeline()));
            if of_pipeline > 1 {
                label += &format!(", {}", point_name(&results.keys, line.values()));
            }
            let y = estimate.mean;
            let level = Mark::Line {
                origins: Vec::new(),
                label: label.clone(),
                named: false,
                ink: Ink { role, strength: 0.7 },
                stroke: Stroke::Thin,
                x: vec![0.0, last],
                y: vec![y, y],
                low: Vec::new(),
                high: Vec::new(),
            };
            let dot = Mark::Intervals {
                origins: Vec::new(),
                label,
                ink: role.into(),
                open: true,
                x: vec![0.0],
                y: vec![y],
                low: vec![y],
                high: vec![y],
            };
            let own = |mark: Mark| mark.of(line.pipeline(), line.values());
            facet.marks.extend([level, dot].map(own));
            values.push(y);
        }
    }
    values
}
