//! `gdiff data`

use super::SpecArgs;
use super::image_output::ImageOutput;
use super::{Failure, give_table, offered, read, refuse_as_table};
use crate::data::source::Part;
use crate::numeric::memory;
use clap::Args;
use std::path::PathBuf;

/// `gdiff data`
#[derive(Debug, Args)]
pub struct DataArgs {
    /// The spec.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// How many points [default: data.samples]
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
    let place = args.images.place(&plan.data.source)?;
    let count = args.count.map_or(plan.data.samples, usize::from);
    let bytes = memory::of_f64(&[count, plan.data.source.dim()]);
    memory::check(&format!("{count} points"), bytes).map_err(Failure::input)?;
    let points = plan.data.source.draw(args.stream, count, plan.seed, args.replicate);
    if let Some(place) = place {
        return place.give(points.view());
    }
    give_table(args.out.as_deref(), &plan.data.source.axis_names(), &points)
}
