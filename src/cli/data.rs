//! `gdiff data`

use super::SpecArgs;
use super::image_output::ImageOutput;
use super::{Failure, give_table, offered, read, refuse_as_table, refuse_input_of_spec};
use crate::data::source::Part;
use crate::numeric::memory;
use crate::report::note;
use crate::run::{count_of, points_of};
use clap::Args;
use std::path::PathBuf;

/// `gdiff data`
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// How many points [default: as many as a run has]
    #[arg(long, value_name = "N")]
    pub count: Option<std::num::NonZeroUsize>,
    /// Which points, as a run of the spec sees them
    #[arg(long, default_value = "train", value_name = "NAME", value_parser = offered::parts())]
    pub stream: Part,
    /// Which replicate's points, from 0
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub replicate: usize,
    /// File to write [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// Images in files.
    #[command(flatten)]
    pub images: ImageOutput,
}

pub(super) fn data(args: &DataArgs) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        refuse_as_table(out, &[&args.spec.spec])?;
    }
    let plan = read(&args.spec)?.base;
    args.out.iter().try_for_each(|out| refuse_input_of_spec("--out", out, &plan.inputs()))?;
    let place = args.images.place(&plan)?;
    let count = args.count.map_or_else(|| count_of(&plan, args.stream), usize::from);
    let bytes = memory::of_f64(&[count, plan.data.source.dim()]);
    memory::check(&format!("{count} points"), bytes).map_err(Failure::input)?;
    let points = points_of(&plan, args.stream, count, args.replicate)
        .map_err(|e| Failure::input(format!("{}: {e}", args.spec.spec.display())))?;
    if let Some(((row, column), v)) = points.indexed_iter().find(|(_, v)| !v.is_finite()) {
        return Err(Failure::input(format!(
            "{}: the points hold {v} in row {row}, column {column}: they leave the range of numbers; lower `data.noise` or the scale of the data",
            args.spec.spec.display()
        )));
    }
    if args.count.is_some() && points.nrows() < count {
        note(&format!("the data have {} points of this kind, fewer than {count}", points.nrows()));
    }
    if let Some(place) = place {
        return place.give(points.view());
    }
    give_table(args.out.as_deref(), &plan.data.source.axis_names(), &points)
}
