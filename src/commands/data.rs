//! `gdiff data`

use super::{Failure, print, read, write_table};
use crate::cli::DataArgs;
use crate::data::table;

pub(super) fn data(args: &DataArgs) -> Result<(), Failure> {
    let plan = read(&args.spec)?.base;
    let count = args.count.map_or(plan.data.samples, usize::from);
    let points = plan.data.source.draw(args.stream, count, plan.seed, args.replicate);
    match &args.out {
        Some(path) => write_table(path, &points),
        None => {
            let mut text = Vec::new();
            table::write_csv(&mut text, &points).map_err(|e| Failure::running(e.to_string()))?;
            print(&String::from_utf8_lossy(&text))
        }
    }
}
