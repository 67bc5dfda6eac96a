//! Table 1 of the second paper, for figures that show its values beside measured ones.

use super::results::Results;

/// Data set, metric, DDPM, Iso-Diffusion.
const PAPER: &str = include_str!("../../../configs/iso/paper_table1.csv");

/// The name of the data set in the paper's table, where it is one of them.
pub fn paper_name(results: &Results) -> Option<String> {
    let kind = || {
        let table: toml::Table = results.spec.as_deref()?.parse().ok()?;
        Some(table.get("data")?.get("kind")?.as_str()?.to_string())
    };
    Some(kind().unwrap_or_else(|| results.name())).filter(|name| paper_value(name, "precision").is_some())
}

/// DDPM and Iso-Diffusion in the paper's table.
pub fn paper_value(data: &str, metric: &str) -> Option<(f64, f64)> {
    PAPER.lines().find_map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        match cells.as_slice() {
            [name, measure, ddpm, iso] if *name == data && *measure == metric => {
                Some((ddpm.parse().ok()?, iso.parse().ok()?))
            }
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_papers_table_is_read_whole() {
        for data in ["swiss_roll", "scattered_moon", "moon_two_circles", "central_banana"] {
            for metric in ["precision", "recall", "density", "coverage"] {
                assert!(paper_value(data, metric).is_some(), "{data} {metric}");
            }
        }
        assert_eq!(paper_value("swiss_roll", "density"), Some((0.8946, 0.9908)));
        assert_eq!(paper_value("gmm", "density"), None);
    }
}
