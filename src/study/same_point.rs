//! Where a study that leaves a key alone stands among the points of one that sweeps it: where both specs say the same.

use crate::spec::Study;
use crate::store::sweep_values::{by_name, is_same_key};
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The points of a study, found by what its sweep sets.
pub(super) struct SweptPoints<'s> {
    keys: &'s [String],
    /// The lines of a spec's canonical text that the sweep sets.
    lines: Vec<String>,
    /// The values of the sweep's keys at each point, by what these lines say there; of several points the first.
    points: HashMap<Vec<Option<String>>, &'s [String]>,
}

impl<'s> SweptPoints<'s> {
    /// The points of a study.
    pub fn new(study: &'s Study) -> Self {
        let base = study.canonical();
        let texts: Vec<BTreeMap<String, String>> =
            study.points.iter().map(|point| point.canonical()).collect();
        // A key has a line of its own name unless it is another way to write one; that one differs somewhere.
        let mut lines: BTreeSet<&String> = study.keys.iter().collect();
        for text in &texts {
            let all = base.keys().chain(text.keys());
            lines.extend(all.filter(|line| base.get(*line) != text.get(*line)));
        }
        let lines: Vec<String> = lines.into_iter().cloned().collect();
        let mut points = HashMap::new();
        for (text, point) in texts.iter().zip(&study.points) {
            points.entry(said(text, &lines)).or_insert(point.values.as_slice());
        }
        Self { keys: &study.keys, lines, points }
    }

    /// The values of `keys` at a point of another study: its own `values`, and of a key that only this study sweeps that
    /// of this study's point at which both specs say the same; empty where there is no such point.
    pub fn complete(&self, values: Vec<String>, keys: &[String], other: &Study, at: usize) -> Vec<String> {
        let Some(same) = self.points.get(&said(&other.points[at].canonical(), &self.lines)) else {
            return values;
        };
        let theirs = by_name(same, self.keys, keys);
        let sweeps = |key: &String| other.keys.iter().any(|own| is_same_key(own, key));
        let value = |((own, theirs), key)| if sweeps(key) { own } else { theirs };
        values.into_iter().zip(theirs).zip(keys).map(value).collect()
    }
}

/// What a text says in these lines; nothing is the default.
fn said(text: &BTreeMap<String, String>, lines: &[String]) -> Vec<Option<String>> {
    lines.iter().map(|line| text.get(line).cloned()).collect()
}
