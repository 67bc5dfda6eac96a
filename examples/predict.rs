//! The noise that the network of a finished run predicts at the points of a table, which are points of the run's own
//! space (scaled, or Gaussianized): what a program that loads `model.safetensors` itself can be compared with.
//!
//!     cargo run --release --example predict -- RUN POINTS.csv T

use gdiff::data::table::{self, TableOptions};
use gdiff::run::FinishedRun;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [run, points, t] = &arguments[..] else { return Err("give RUN, POINTS.csv and the step t".into()) };
    let run = FinishedRun::open(Path::new(run))?;
    let points = table::read(Path::new(points), &TableOptions::with_header())?;
    let eps = run.predict_noise(points.points.view(), t.parse()?)?;
    table::write_csv(std::io::stdout(), &points.names, &eps)?;
    Ok(())
}
