//! The studies in tests/frozen give the numbers that they gave when they were frozen. Between two builds on one machine
//! `scripts/frozen.sh` compares their tables byte for byte; here last bits may differ, as they depend on the processor.

use crate::common::{csv, run, succeeded};
use std::collections::HashMap;
use std::path::Path;
use tempfile::tempdir;

/// Fraction by which a value may differ, and the smallest difference: a few samples of a hundred that another last
/// bit sends to the other side of a sphere.
const TOLERANCE: f64 = 0.03;

/// A point of `maps` whose map is chosen by 30 held-out points. It comes out as one of two, by the processor: the mean
/// log-likelihood of the map is -2.193 or -2.215, and the samples of its hardly trained network are others. Of its values the
/// first alone is compared.
const CHOSEN_BY_LAST_BITS: (&str, [&str; 2], &str) =
    ("maps", ["gaussianized", "joint"], "map_log_likelihood");

#[test]
fn the_frozen_studies_give_their_numbers() {
    let frozen = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/frozen");
    let folder = tempdir().unwrap();
    let mut compared = 0;
    for name in ["pipelines", "samplers", "networks", "maps", "shapes"] {
        let spec = frozen.join(format!("{name}.toml"));
        succeeded(&run(folder.path(), &["run", spec.to_str().unwrap(), "--out", name, "--quiet"]));
        let (columns, rows) = csv(folder.path().join(name).join("summary.csv"));
        let (expected_columns, expected) = csv(frozen.join("summaries").join(format!("{name}.csv")));
        assert_eq!(columns, expected_columns, "{name}");
        let label = columns.iter().position(|column| column == "metric").unwrap() + 1;
        let found: HashMap<&[String], &str> =
            rows.iter().map(|row| (&row[..label], row[label].as_str())).collect();
        assert_eq!(found.len(), rows.len(), "{name}: rows with the same label");
        for row in &expected {
            let (metric, mean) = (row[label - 1].as_str(), row[label].parse::<f64>().unwrap());
            let new: f64 =
                found.get(&row[..label]).unwrap_or_else(|| panic!("{name}: no {row:?}")).parse().unwrap();
            // Steps, which may be any other if two values of a curve change places.
            let (study, point, robust) = CHOSEN_BY_LAST_BITS;
            let is_loose = name == study && row[..2] == point && metric != robust;
            if !is_loose && !["plateau_step", "steps_to_real"].contains(&metric) {
                let near = (new - mean).abs() <= TOLERANCE * mean.abs().max(1.0);
                assert!(near, "{name}: {:?} was {mean}, is {new}", &row[..label]);
            }
            compared += 1;
        }
    }
    assert!(compared > 1000, "only {compared} values were compared");
}
