//! Precision, recall, density and coverage (Kynkaanniemi et al. 2019, Naeem et al. 2020) of one table of points against
//! another.
//!
//!     cargo run --release --example prdc_of_two_tables -- REAL.csv GENERATED.csv

use gdiff::data::table::{self, TableOptions};
use gdiff::metrics::RealManifold;
use gdiff::metrics::sliced::sliced_w2;
use std::error::Error;
use std::path::Path;

fn main() -> Result<(), Box<dyn Error>> {
    let paths: Vec<String> = std::env::args().skip(1).collect();
    let [real, generated] = &paths[..] else { return Err("give REAL.csv and GENERATED.csv".into()) };
    let read = |path: &String| table::read(Path::new(path), &TableOptions::with_header());
    let (real, generated) = (read(real)?.points, read(generated)?.points);

    // The spheres of the real points are found once and serve for any number of generated sets.
    let manifold = RealManifold::new(real.view(), 5)?;
    let prdc = manifold.prdc(generated.view())?;
    println!("precision {:.4}", prdc.precision);
    println!("recall    {:.4}", prdc.recall);
    println!("density   {:.4}", prdc.density);
    println!("coverage  {:.4}", prdc.coverage);
    println!("sliced W2 {:.4}", sliced_w2(real.view(), generated.view())?);
    Ok(())
}
