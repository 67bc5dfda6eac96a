//! `gdiff controls`: what metrics say of real images that were made worse in known ways.

#[cfg(feature = "figures")]
use super::controls_figure::{FigureArgs, ScoredParts, draw};
use super::metrics_sets::NetworkArgs;
use super::{Failure, SpecArgs, offered, print, read, refuse_input, refuse_input_of_spec, write_file};
use crate::data::images::{Degradation, ImageSet, images_of};
use crate::data::source::{Part, Source};
use crate::metrics::features::{FeatureExtractor, FeatureKind, frechet_distance};
use crate::metrics::{MetricsError, RealManifold};
use crate::numeric::intervals::{Interval, mean_interval, paired_difference};
use crate::numeric::random::Stream;
use crate::spec::Plan;
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
    /// What images become before they are compared, a table for each: pixels, random, inception or resnet50 [default: pixels]
    #[arg(long, value_name = "NAME,..", value_delimiter = ',', value_parser = offered::features())]
    pub features: Vec<FeatureKind>,
    /// What the networks among them need.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// How many reference images, and as many fresh ones, a table for each number [default: as many as the spec keeps aside]
    #[arg(long, value_name = "N,..", value_delimiter = ',')]
    pub count: Vec<NonZeroUsize>,
    /// The Frechet distance too
    #[arg(long)]
    pub frechet: bool,
    /// Write the numbers (CSV) [default: standard output]
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
    /// The figure.
    #[cfg(feature = "figures")]
    #[command(flatten)]
    pub figure: FigureArgs,
}

/// The names of the metrics, in the order of [`scores`].
const METRICS: [&str; 5] = ["precision", "recall", "density", "coverage", "frechet"];

/// The rows of one kind of features and number of images: for each control and metric the value of each replicate.
struct Scored<'a> {
    extractor: &'a FeatureExtractor,
    count: usize,
    values: Vec<Vec<Vec<f64>>>,
}

#[cfg(feature = "figures")]
impl Scored<'_> {
    /// The name of the features, the number of images, and the values.
    fn parts(&self) -> ScoredParts<'_> {
        (self.extractor.kind().name(), self.count, &self.values)
    }
}

pub(super) fn controls(args: &ControlsArgs) -> Result<(), Failure> {
    let input = [args.spec.spec.as_path()];
    args.out.iter().try_for_each(|out| refuse_input(out, &input))?;
    #[cfg(feature = "figures")]
    let pictures = args.figure.pictures(&input.into_iter().chain(args.out.as_deref()).collect::<Vec<_>>())?;
    let plan = read(&args.spec)?.base;
    args.out.iter().try_for_each(|out| refuse_input_of_spec("--out", out, &plan.inputs()))?;
    #[cfg(feature = "figures")]
    pictures.iter().try_for_each(|(path, _)| refuse_input_of_spec("--plot", path, &plan.inputs()))?;
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
    let kinds = if args.features.is_empty() { &[FeatureKind::default()][..] } else { &args.features };
    let extractors = args.network.extractors(kinds, plan.seed, &Device::Cpu)?;
    let mut scored = Vec::new();
    for extractor in &extractors {
        for &count in &counts {
            let each =
                (0..plan.replicates).map(|replicate| scores(&plan, (args, extractor), count, replicate));
            let by_replicate: Vec<Vec<Vec<f64>>> =
                each.collect::<Result<_, _>>().map_err(|e| Failure::input(e.to_string()))?;
            let metrics = if args.frechet { METRICS.len() } else { METRICS.len() - 1 };
            let values = |control: usize, metric: usize| -> Vec<f64> {
                by_replicate.iter().map(|controls| controls[control][metric]).collect()
            };
            let values = (0..Degradation::USUAL.len())
                .map(|control| (0..metrics).map(|metric| values(control, metric)).collect())
                .collect();
            scored.push(Scored { extractor, count, values });
        }
    }
    #[cfg(feature = "figures")]
    draw(&pictures, &plan, &scored.iter().map(Scored::parts).collect::<Vec<_>>())?;
    let text = table(&plan, args, &scored);
    match &args.out {
        Some(out) => write_file(out, |file| file.write_all(text.as_bytes())),
        None => print(&text),
    }
}

/// A row for each kind of features, number of images and control: means over the replicates, with half the widths of their
/// 95 % intervals; then the same of the differences to the fresh images of the same replicate. Half widths are empty of a
/// single replicate, and the differences of fresh images themselves too.
fn table(plan: &Plan, args: &ControlsArgs, scored: &[Scored]) -> String {
    let metrics = if args.frechet { &METRICS[..] } else { &METRICS[..METRICS.len() - 1] };
    let mut text = "control,features,count,k,replicates".to_string();
    metrics.iter().for_each(|name| text += &format!(",{name},{name}_half_width"));
    metrics.iter().for_each(|name| text += &format!(",{name}_change,{name}_change_half_width"));
    text.push('\n');
    let cells = |interval: Option<Interval>| {
        let half = interval.and_then(|interval| interval.half_width);
        let cell = |value: Option<f64>| value.map_or(String::new(), |value| value.to_string());
        format!(",{},{}", cell(interval.map(|interval| interval.mean)), cell(half))
    };
    for Scored { extractor, count, values } in scored {
        for (control, own) in Degradation::USUAL.into_iter().zip(values) {
            let (name, features) = (control.name(), extractor.kind().name());
            text += &format!("{name},{features},{count},{},{}", plan.metrics.k, plan.replicates);
            own.iter().for_each(|metric| text += &cells(mean_interval(metric)));
            for (metric, fresh) in own.iter().zip(&values[0]) {
                let change = (control != Degradation::None).then(|| paired_difference(metric, fresh));
                text += &cells(change.flatten());
            }
            text.push('\n');
        }
    }
    text
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
