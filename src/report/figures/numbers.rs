//! The numbers of a figure as a table: a row for each point of each mark.

use super::model::{Figure, Mark, Stroke};
use serde::Serialize;

/// A row of a figure's CSV.
#[derive(Serialize, Default)]
struct Record<'a> {
    panel: &'a str,
    mark: &'a str,
    series: &'a str,
    x: Option<f64>,
    y: Option<f64>,
    low: Option<f64>,
    high: Option<f64>,
    value: Option<f64>,
    place: &'a str,
}

impl Figure {
    /// The figure's numbers, a row for each point of each mark:
    /// `panel, mark, series, x, y, low, high, value, place`, where the place is the name nearest to `x` on an axis of
    /// names, and is empty on an axis of numbers; `low` and `high` are empty where a mean has no interval.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn to_csv(&self, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut writer = csv::Writer::from_writer(out);
        for row in &self.rows {
            for panel in &row.panels {
                let title = [row.title.as_str(), panel.title.as_str()];
                let title: Vec<&str> = title.into_iter().filter(|t| !t.is_empty()).collect();
                let title = title.join(", ");
                let place = |x: Option<f64>| panel.places()?.get(x?.round().max(0.0) as usize);
                for record in panel.marks.iter().flat_map(Mark::records) {
                    let place = place(record.x).map_or("", String::as_str);
                    writer.serialize(Record { panel: &title, place, ..record })?;
                }
            }
        }
        writer.flush()
    }
}

impl Mark {
    fn records(&self) -> Vec<Record<'_>> {
        let at = |list: &[f64], i: usize| list.get(i).copied();
        let rows = |mark, series, x: &[f64], y: &[f64], low: &[f64], high: &[f64], value: &[f64]| {
            (0..x.len())
                .map(|i| Record {
                    mark,
                    series,
                    x: at(x, i),
                    y: at(y, i),
                    low: at(low, i),
                    high: at(high, i),
                    value: at(value, i),
                    ..Record::default()
                })
                .collect::<Vec<_>>()
        };
        match self {
            Self::Line { label, x, y, low, high, stroke, .. } => {
                let kind = if *stroke == Stroke::Thin { "thin line" } else { "line" };
                rows(kind, label, x, y, low, high, &[])
            }
            Self::Level { label, y, band, .. } => {
                let (low, high) = (band.map(|b| b.0), band.map(|b| b.1));
                vec![Record { mark: "level", series: label, y: Some(*y), low, high, ..Record::default() }]
            }
            Self::Points { label, x, y, value, .. } => rows("points", label, x, y, &[], &[], value),
            Self::Intervals { label, x, y, low, high, .. } => {
                let mut records = rows("interval", label, x, y, low, high, &[]);
                // A mean without an interval has no ends.
                for record in records.iter_mut().filter(|record| record.low == record.high) {
                    (record.low, record.high) = (None, None);
                }
                records
            }
            Self::Sheet { label, index, distance, .. } => {
                rows("image", label, index, distance, &[], &[], &[])
            }
            Self::Contours { label, lines } => lines
                .iter()
                .enumerate()
                .flat_map(|(i, line)| {
                    line.iter().map(move |p| Record {
                        mark: "contour",
                        series: label,
                        x: Some(p[0]),
                        y: Some(p[1]),
                        value: Some(i as f64),
                        ..Record::default()
                    })
                })
                .collect(),
            Self::Histogram { label, edges, heights, .. } => (0..heights.len())
                .map(|i| Record {
                    mark: "histogram",
                    series: label,
                    y: at(heights, i),
                    low: at(edges, i),
                    high: at(edges, i + 1),
                    ..Record::default()
                })
                .collect(),
        }
    }
}
