//! Gaussianizes the points of a table: fits the invertible map to nearly independent standard normal numbers (G 8-23),
//! prints how likely the points are under it, and writes new points of the same distribution.
//!
//!     cargo run --release --example gaussianize_table -- DATA.csv NEW.csv

use gdiff::data::table::{self, TableOptions};
use gdiff::gaussianize::{GaussianizeOptions, Gaussianizer};
use gdiff::numeric::random::Stream;
use std::error::Error;
use std::fs::File;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [data, new] = &paths[..] else { return Err("give DATA.csv and the file to write, NEW.csv".into()) };
    let table = table::read(Path::new(data), &TableOptions::with_header())?;
    let (n, d) = table.points.dim();

    // A tenth of the points is held out and stops the fit when it gains nothing more on them.
    let stream = Stream::new(0, 0, "gaussianize");
    let options = GaussianizeOptions::default();
    let (map, report) = Gaussianizer::fit(table.points.view(), &options, &stream, &mut |_, _| {})?;
    let (z, log_det) = map.forward_with_log_det(table.points.view());
    let log_density = map.log_density(table.points.view());
    println!("{n} points, {d} axes; {} layers ({})", map.layers(), report.stopped);
    println!("mean log-density {:.4} nats", log_density.mean().unwrap_or(f64::NAN));
    println!("mean log |det dG/dx| {:.4}", log_det.mean().unwrap_or(f64::NAN));

    let back = map.inverse(z.view());
    let worst = (&back - &table.points).iter().fold(0.0, |worst: f64, error| worst.max(error.abs()));
    println!("there and back: largest error {worst:.1e}");

    let noise = Stream::new(0, 0, "new points").standard_normal(0, n, d);
    table::write_csv(File::create_new(new)?, &table.names, &map.inverse(noise.view()))?;
    println!("{n} new points in {new}");
    Ok(())
}
