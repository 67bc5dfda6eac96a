//! What real points score against real points, beside what generated points score at the same counts.

use crate::metrics::features::{
    KernelDistanceOptions, PARTS, frechet_distance, inception_score, kernel_distance,
};
use crate::metrics::{MetricsError, Prdc, RealManifold};
use crate::numeric::random::Stream;
use crate::report::note;
use candle_core::Device;
use ndarray::{Array2, ArrayView2, Axis, s};
use serde::Serialize;

/// What is compared.
pub(super) struct FloorOptions {
    /// Nearest neighbours of PRDC.
    pub k: usize,
    pub frechet: bool,
    pub kid: bool,
}

/// Two comparisons of as many points.
#[derive(Serialize)]
pub(super) struct Beside {
    /// Half of the real points against the other half.
    floor: Scores,
    /// Generated points against the first of these halves.
    at_floor_counts: Scores,
}

/// What so many points score against as many others.
#[derive(Serialize)]
struct Scores {
    count: usize,
    #[serde(flatten)]
    prdc: Prdc,
    #[serde(skip_serializing_if = "Option::is_none")]
    frechet: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kid: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    inception_score: Option<f64>,
}

impl Beside {
    /// A line for each metric.
    pub fn text(&self) -> String {
        let (floor, generated) = (&self.floor, &self.at_floor_counts);
        let pairs = [
            ("precision", Some(generated.prdc.precision), Some(floor.prdc.precision)),
            ("recall", Some(generated.prdc.recall), Some(floor.prdc.recall)),
            ("density", Some(generated.prdc.density), Some(floor.prdc.density)),
            ("coverage", Some(generated.prdc.coverage), Some(floor.prdc.coverage)),
            ("frechet", generated.frechet, floor.frechet),
            ("kid", generated.kid, floor.kid),
            ("inception score", generated.inception_score, floor.inception_score),
        ];
        let mut text = format!(
            "\nThe floor: {} real points, drawn at random, against as many others; beside it as many generated ones.\n{:<16}{:<16}floor\n",
            floor.count, "", "generated"
        );
        for (name, generated, floor) in pairs {
            if let (Some(generated), Some(floor)) = (generated, floor) {
                text += &format!("{name:<16}{:<16}{}\n", shown(generated, 6), shown(floor, 6));
            }
        }
        text
    }
}

/// A number with so many digits behind its point, as a power of ten where there are too many before it.
pub(super) fn shown(value: f64, digits: usize) -> String {
    if value.abs() < 1e15 { format!("{value:.digits$}") } else { format!("{value:.digits$e}") }
}

/// The Frechet distance, where it is a number.
pub(super) fn finite_frechet(real: ArrayView2<f64>, x: ArrayView2<f64>) -> Result<f64, MetricsError> {
    let distance = frechet_distance(real, x)?;
    if distance.is_finite() { Ok(distance) } else { Err(MetricsError::FrechetOverflow) }
}

/// Compares two random halves of the real points, and generated points with the first; as many of each as the smaller of
/// half of the real points and all generated ones. The inception scores, of the class probabilities of the very same images,
/// are those of each set alone: the floor has that of the other half. None, with a notice, where points are too few.
pub(super) fn beside_floor(
    (real, fake): (&Array2<f64>, &Array2<f64>),
    probabilities: Option<&(Array2<f64>, Array2<f64>)>,
    options: &FloorOptions,
    device: &Device,
    stream: Stream,
) -> Result<Option<Beside>, MetricsError> {
    let count = (real.nrows() / 2).min(fake.nrows());
    if count <= options.k.max(1) {
        note(
            "there are too few points for the floor, which compares one half of the real points with the other",
        );
        return Ok(None);
    }
    let some = |points: &Array2<f64>, count, which| {
        points.select(Axis(0), &stream.child(which).subset(0, points.nrows(), count))
    };
    let score = |p: ArrayView2<f64>| inception_score(p, PARTS.min(count / 2).max(1)).map(|score| score.mean);
    let scores_of = |(real, fake): &(Array2<f64>, Array2<f64>)| -> Result<(f64, f64), MetricsError> {
        let other = some(real, 2 * count, "halves");
        Ok((score(other.slice(s![count.., ..]))?, score(some(fake, count, "generated").view())?))
    };
    let (of_floor, of_generated) = probabilities.map(scores_of).transpose()?.unzip();
    let real = some(real, 2 * count, "halves");
    let fake = some(fake, count, "generated");
    let half = real.slice(s![..count, ..]);
    let manifold = RealManifold::on(device, half, options.k)?;
    let scores = |x: ArrayView2<f64>, inception_score| -> Result<Scores, MetricsError> {
        let subsets = stream.child("subsets of halves");
        let kid = || kernel_distance(half, x, &KernelDistanceOptions::default(), subsets);
        Ok(Scores {
            count,
            prdc: manifold.prdc(x)?,
            frechet: options.frechet.then(|| finite_frechet(half, x)).transpose()?,
            kid: options.kid.then(kid).transpose()?.map(|kid| kid.mean),
            inception_score,
        })
    };
    Ok(Some(Beside {
        floor: scores(real.slice(s![count.., ..]), of_floor)?,
        at_floor_counts: scores(fake.view(), of_generated)?,
    }))
}
