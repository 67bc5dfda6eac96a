//! Whose results the parts of the page show: pipelines and sweep points by number, so that the page's script can filter by
//! them.

use crate::report::figures::Results;
use crate::report::figures::captions::pipeline_name;
use crate::report::figures::draw::css_name;
use crate::report::figures::model::Mark;
use crate::report::point_names::{point_name, short_keys, short_value};
use crate::spec::DATA;
use serde::Serialize;
use std::collections::HashMap;

/// The pipelines and sweep points of a study.
pub struct Origins<'a> {
    results: &'a Results,
    points: Vec<&'a [String]>,
    numbers: HashMap<&'a [String], usize>,
}

/// The same for the page's script.
#[derive(Serialize)]
pub struct Study {
    pipelines: Vec<Pipeline>,
    keys: Vec<Key>,
    /// Of each sweep point, for each key, which of its values it has.
    points: Vec<Vec<usize>>,
    /// The name of each sweep point.
    names: Vec<String>,
}

#[derive(Serialize)]
struct Pipeline {
    name: String,
    /// The name of its colour in the style sheet.
    colour: &'static str,
}

#[derive(Serialize)]
struct Key {
    name: String,
    values: Vec<String>,
}

impl<'a> Origins<'a> {
    /// Every sweep point of which something is known, in the order of the tables.
    pub fn of(results: &'a Results) -> Self {
        let of_runs = results.runs.iter().map(|(_, status)| status.label.values.as_slice());
        let of_summary = results.summary.iter().map(|row| row.values.as_slice());
        let of_metrics = results.metrics.iter().map(|run| run.label.values.as_slice());
        let of_losses = results.losses.iter().map(|run| run.label.values.as_slice());
        let of_isotropy = results.isotropy.iter().map(|run| run.label.values.as_slice());
        let (mut points, mut numbers) = (Vec::new(), HashMap::new());
        for values in of_summary.chain(of_runs).chain(of_metrics).chain(of_losses).chain(of_isotropy) {
            numbers.entry(values).or_insert_with(|| {
                points.push(values);
                points.len() - 1
            });
        }
        Self { results, points, numbers }
    }

    /// The number of a pipeline at a sweep point: `point * (pipelines + 1) + pipeline`, where real points are the last
    /// pipeline. None where nothing is known of it.
    pub fn number(&self, pipeline: &str, values: &[String]) -> Option<usize> {
        let pipelines = &self.results.pipelines;
        let place = pipelines.iter().position(|name| name == pipeline);
        let pipeline = place.or((pipeline == DATA).then_some(pipelines.len()))?;
        Some(self.numbers.get(values)? * (pipelines.len() + 1) + pipeline)
    }

    /// The numbers of a mark: none, that of the whole, or one for each of its points.
    pub fn of_mark(&self, mark: &Mark) -> Vec<usize> {
        let numbers = mark.origins().iter().map(|origin| self.number(&origin.pipeline, &origin.point));
        numbers.collect::<Option<Vec<usize>>>().unwrap_or_default()
    }

    /// What the script reads.
    pub fn study(&self) -> Study {
        let pipeline = |name: &String| Pipeline {
            name: pipeline_name(name).to_string(),
            colour: css_name(self.results.role(name)),
        };
        let values: Vec<Vec<&str>> = (0..self.results.keys.len()).map(|k| self.values(k)).collect();
        let named = |value: &&str| match *value {
            "" => "as in the spec".to_string(),
            value => short_value(value),
        };
        let keys = short_keys(&self.results.keys).into_iter().zip(&values);
        let place = |(value, known): (&String, &Vec<&str>)| {
            known.iter().position(|other| other == value).expect("its values were collected")
        };
        Study {
            pipelines: self.results.pipelines.iter().map(pipeline).collect(),
            keys: keys.map(|(name, list)| Key { name, values: list.iter().map(named).collect() }).collect(),
            points: self.points.iter().map(|point| point.iter().zip(&values).map(place).collect()).collect(),
            names: self.points.iter().map(|point| point_name(&self.results.keys, point)).collect(),
        }
    }

    /// The values of a key: numbers rise, others stand in the order of the tables.
    fn values(&self, key: usize) -> Vec<&'a str> {
        let mut values: Vec<&str> = Vec::new();
        for value in self.points.iter().filter_map(|point| point.get(key)) {
            if !values.contains(&value.as_str()) {
                values.push(value);
            }
        }
        let number =
            |value: &str| if value.is_empty() { Some(f64::NEG_INFINITY) } else { value.parse::<f64>().ok() };
        if values.iter().all(|value| number(value).is_some()) {
            values.sort_by(|a, b| number(a).unwrap_or(0.0).total_cmp(&number(b).unwrap_or(0.0)));
        }
        values
    }
}
