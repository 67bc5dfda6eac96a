//! Tables of the second paper, for figures that show their values beside measured ones: Table 1 (points in the plane), and
//! Tables 2 to 4 (images).

use super::results::Results;

/// Data set, metric, DDPM, Iso-Diffusion.
const PAPER: &str = include_str!("../../../configs/iso/paper_table1.csv");

/// Table, data set, lambda, and the metrics.
const PAPER_OF_IMAGES: &str = include_str!("../../../configs/images/paper_tables.csv");

/// A row of Tables 2 to 4.
#[derive(Debug, Clone, PartialEq)]
pub struct ImageRow {
    /// Number of the table.
    pub table: usize,
    /// The data set.
    pub data: String,
    /// Weight of the isotropy term, 0 of DDPM; none where the table does not say it.
    pub lambda: Option<f64>,
    /// Its precision.
    pub precision: f64,
    /// Its density.
    pub density: f64,
}

/// The rows of Tables 2 to 4, in their order.
pub fn image_rows() -> Vec<ImageRow> {
    let rows = PAPER_OF_IMAGES.lines().filter(|line| !line.starts_with('#')).skip(1);
    let row = |line: &str| {
        let cells: Vec<&str> = line.split(',').collect();
        let [table, data, lambda, _fid, _is, precision, _recall, density, _coverage] = cells.as_slice()
        else {
            return None;
        };
        Some(ImageRow {
            table: table.parse().ok()?,
            data: data.to_string(),
            lambda: lambda.parse().ok(),
            precision: precision.parse().ok()?,
            density: density.parse().ok()?,
        })
    };
    rows.filter_map(row).collect()
}

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
    fn the_papers_tables_of_images_are_read_whole() {
        let rows = image_rows();
        let of = |table: usize| rows.iter().filter(|row| row.table == table).collect::<Vec<_>>();
        assert_eq!((rows.len(), of(2).len(), of(3).len(), of(4).len()), (18, 8, 5, 5));
        let lambdas = [0.0, 0.01, 0.05, 0.1, 0.3].map(Some).to_vec();
        for table in [3, 4] {
            assert_eq!(of(table).iter().map(|row| row.lambda).collect::<Vec<_>>(), lambdas);
        }
        assert_eq!((of(3)[4].precision, of(3)[4].density), (0.9460, 12.5441));
        // Table 2 repeats rows of the others with three digits.
        for (row, table, place) in [(0, 3, 0), (1, 3, 3), (2, 4, 0), (3, 4, 4)] {
            let (short, long) = (of(2)[row], of(table)[place]);
            assert_eq!(short.data, long.data);
            assert!((short.density - long.density).abs() <= 5e-4 + 1e-9, "{short:?} {long:?}");
            assert!((short.precision - long.precision).abs() <= 5e-4 + 1e-9, "{short:?} {long:?}");
        }
    }

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
