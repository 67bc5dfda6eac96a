//! `gdiff controls`: what metrics say of real images that were made worse in known ways.

use super::metrics_sets::FeatureArgs;
use super::{Failure, SpecArgs, print, read, refuse_input};
use crate::data::images::{Degradation, ImageSet, images_of};
use crate::data::source::{Part, Source};
use crate::metrics::features::{FeatureExtractor, frechet_distance};
use crate::metrics::{MetricsError, RealManifold};
use crate::numeric::intervals::mean_interval;
use crate::numeric::random::Stream;
use crate::spec::Plan;
use crate::store::atomic;
use crate::store::leftovers::remove_leftovers;
use candle_core::Device;
use clap::Args;
use ndarray::s;
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// `gdiff controls`
#[derive(Debug, Args)]
pub struct ControlsArgs {
    /// The spec, whose data are images.
    #[command(flatten)]
    pub spec: SpecArgs,
    /// What is compared
    #[command(flatten)]
    pub features: FeatureArgs,
    /// How many reference images, and as many fresh ones, a table for each number [default: as many as the spec keeps aside]
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    pub count: Vec<NonZeroUsize>,
    /// The Frechet distance too
    #[arg(long)]
    pub frechet: bool,
    /// Write the numbers (CSV) [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// The names of the metrics, in the order of [`scores`].
const METRICS: [&str; 5] = ["precision", "recall", "density", "coverage", "frechet"];

pub(super) fn controls(args: &ControlsArgs) -> Result<(), Failure> {
    if let Some(out) = &args.out {
        refuse_input(out, &[&args.spec.spec])?;
    }
    let plan = read(&args.spec)?.base;
    let Source::Images(images) = &plan.data.source else {
        let message = format!(
            "{}: its data are no images; data.kind = \"images\" has controls",
            args.spec.spec.display()
        );
        return Err(Failure::input(message));
    };
    let most = images.count(Part::Reference).min(images.count(Part::Fresh));
    let counts: Vec<usize> = match args.count.is_empty() {
        true => vec![most],
        false => args.count.iter().map(|n| usize::from(*n)).collect(),
    };
    if let Some(count) = counts.iter().find(|count| **count > most) {
        return Err(Failure::input(format!(
            "--count {count}: the spec keeps only {most} reference and fresh images aside; more by data.test_fraction, metrics.reference and sample.count"
        )));
    }
    let (extractor, _) = args.features.extractor(plan.seed, &Device::Cpu)?;
    let text = table(&plan, (args, &extractor), &counts).map_err(|e| Failure::input(e.to_string()))?;
    let Some(out) = &args.out else { return print(&text) };
    out.parent().map_or(Ok(()), remove_leftovers)?;
    atomic::write(out, |file| file.write_all(text.as_bytes()))?;
    Ok(())
}

/// A row for each number of images and each control: means over the replicates, with half the widths of their 95 %
/// intervals, which are empty of a single replicate.
fn table(
    plan: &Plan,
    (args, extractor): (&ControlsArgs, &FeatureExtractor),
    counts: &[usize],
) -> Result<String, MetricsError> {
    let metrics = if args.frechet { &METRICS[..] } else { &METRICS[..METRICS.len() - 1] };
    let mut text = "control,features,count,k,replicates".to_string();
    metrics.iter().for_each(|name| text += &format!(",{name},{name}_half_width"));
    text.push('\n');
    for &count in counts {
        let by_replicate: Vec<Vec<Vec<f64>>> = (0..plan.replicates)
            .map(|replicate| scores(plan, (args, extractor), count, replicate))
            .collect::<Result<_, _>>()?;
        for (i, control) in Degradation::USUAL.into_iter().enumerate() {
            let (name, features) = (control.name(), extractor.kind().name());
            text += &format!("{name},{features},{count},{},{}", plan.metrics.k, plan.replicates);
            for j in 0..metrics.len() {
                let values: Vec<f64> = by_replicate.iter().map(|controls| controls[i][j]).collect();
                let interval = mean_interval(&values);
                let half = interval.and_then(|interval| interval.half_width);
                text += &format!(
                    ",{},{}",
                    interval.map_or(f64::NAN, |interval| interval.mean),
                    half.map_or(String::new(), |half| half.to_string())
                );
            }
            text.push('\n');
        }
    }
    Ok(text)
}

/// The metrics of each control of one replicate.
fn scores(
    plan: &Plan,
    (args, extractor): (&ControlsArgs, &FeatureExtractor),
    count: usize,
    replicate: usize,
) -> Result<Vec<Vec<f64>>, MetricsError> {
    let source = &plan.data.source;
    let shape = source.image_shape().expect("the data are images");
    let draw = |part| -> ImageSet {
        let points = source.draw(part, usize::MAX, plan.seed, replicate);
        images_of(points.slice(s![..count, ..]), shape)
    };
    let extract = |images: &ImageSet| Ok::<_, MetricsError>(extractor.extract(images, &|_| ())?.values);
    let (reference, fresh) = (extract(&draw(Part::Reference))?, draw(Part::Fresh));
    let manifold = RealManifold::new(reference.view(), plan.metrics.k)?;
    let stream = Stream::new(plan.seed, replicate as u64, "controls");
    let score = |control: Degradation| -> Result<Vec<f64>, MetricsError> {
        let changed = extract(&control.apply(&fresh, &stream))?;
        let prdc = manifold.prdc(changed.view())?;
        let mut all = vec![prdc.precision, prdc.recall, prdc.density, prdc.coverage];
        if args.frechet {
            all.push(frechet_distance(reference.view(), changed.view())?);
        }
        Ok(all)
    };
    Degradation::USUAL.into_iter().map(score).collect()
}
