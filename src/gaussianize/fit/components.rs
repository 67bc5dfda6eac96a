//! The components of one layer: which are mapped, singly, in pairs or jointly, and the maps applied to all points.

use ndarray::{Array2, ArrayView1, ArrayView2, ArrayViewMut1, Axis};
use rayon::prelude::*;

use super::diagnostics::negentropy;
use super::pairing::pair_up;
use super::report::ComponentMap;
use crate::gaussianize::joint::grid_density::{self, PairFit};
use crate::gaussianize::joint::joint_map::JointMap;
use crate::gaussianize::joint::kernels;
use crate::gaussianize::joint::mixture::MixtureMap;
use crate::gaussianize::kde::marginal::Marginal;
use crate::gaussianize::layer::{Layer, Pair};
use crate::gaussianize::options::{Components, Coupling, GaussianizeOptions};
use crate::gaussianize::thin::thin_columns;
use crate::numeric::random::Stream;

/// The maps of one layer's components.
pub(crate) struct FittedComponents {
    pub marginals: Vec<Option<Marginal>>,
    pub pairs: Vec<Pair>,
    pub joint: Option<MixtureMap>,
    /// One per component; NaN where it is left as it is.
    pub bandwidths: Vec<f64>,
    pub notes: Vec<String>,
}

/// How each component of a layer is mapped.
pub(crate) fn maps_of(layer: &Layer) -> Vec<ComponentMap> {
    let single =
        |m: &Option<Marginal>| if m.is_some() { ComponentMap::Marginal } else { ComponentMap::Identity };
    let mut maps: Vec<ComponentMap> = layer.marginals.iter().map(single).collect();
    for pair in &layer.pairs {
        (maps[pair.first], maps[pair.second]) = (ComponentMap::Pair, ComponentMap::Pair);
    }
    match &layer.joint {
        None => {}
        Some(JointMap::Mixture(_)) => maps.fill(ComponentMap::Joint),
        Some(JointMap::Radial(_)) => maps.fill(ComponentMap::Radial),
        Some(JointMap::Flow(_)) => maps.fill(ComponentMap::Flow),
    }
    maps
}

/// Fits the maps of components `(d, n)`.
///
/// # Errors
/// A sentence when a component has no usable density.
pub(crate) fn fit_components(
    sources: ArrayView2<f64>,
    options: &GaussianizeOptions,
    layer: usize,
    stream: &Stream,
) -> Result<FittedComponents, String> {
    let d = sources.nrows();
    let mut single = chosen_components(sources, options.components);
    let mut components = FittedComponents {
        marginals: Vec::new(),
        pairs: Vec::new(),
        joint: None,
        bandwidths: vec![f64::NAN; d],
        notes: Vec::new(),
    };
    let whole = options.coupling == Coupling::Joint && layer == 1 && d > 2 && single.iter().all(|c| *c);
    if whole && let Some(joint) = kernels::mixture(sources, stream) {
        components.marginals = (0..d).map(|_| None).collect();
        components.joint = Some(joint);
        return Ok(components);
    }
    if options.coupling != Coupling::Marginal {
        let couples = pair_up(sources, &single);
        let fits: Vec<Option<PairFit>> = couples
            .par_iter()
            .map(|(first, second)| {
                let row = |j: usize| sources.row(j).to_vec();
                let seed = stream.child(&first.to_string());
                grid_density::fit(&row(*first), &row(*second), options.pair_factor, &seed)
            })
            .collect();
        for ((first, second), fit) in couples.into_iter().zip(fits) {
            let Some(PairFit { map, bandwidths }) = fit else { continue };
            (single[first], single[second]) = (false, false);
            (components.bandwidths[first], components.bandwidths[second]) = (bandwidths[0], bandwidths[1]);
            components.pairs.push(Pair { first, second, map });
        }
    }
    let fits: Vec<Result<Option<MarginalFitted>, String>> = (0..d)
        .into_par_iter()
        .map(
            |j| if single[j] { fit_component(sources.row(j), options, layer, j).map(Some) } else { Ok(None) },
        )
        .collect();
    for (j, fit) in fits.into_iter().enumerate() {
        let fit = fit?;
        if let Some(one) = &fit {
            components.bandwidths[j] = one.bandwidth;
            components.notes.extend(one.notes.iter().cloned());
        }
        components.marginals.push(fit.map(|one| one.marginal));
    }
    Ok(components)
}

/// Which components are to be gaussianized: the most non-Gaussian ones first.
fn chosen_components(sources: ArrayView2<f64>, components: Components) -> Vec<bool> {
    let d = sources.nrows();
    let Components::Leading(m) = components else { return vec![true; d] };
    let mut order: Vec<(f64, usize)> = sources.axis_iter(Axis(0)).map(negentropy).zip(0..).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut chosen = vec![false; d];
    order.iter().take(m).for_each(|(_, j)| chosen[*j] = true);
    chosen
}

struct MarginalFitted {
    marginal: Marginal,
    bandwidth: f64,
    notes: Vec<String>,
}

fn fit_component(
    values: ArrayView1<f64>,
    options: &GaussianizeOptions,
    layer: usize,
    component: usize,
) -> Result<MarginalFitted, String> {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    let rule = options.bandwidth.choose(&sorted);
    let mut notes = Vec::new();
    if rule.fell_back {
        notes.push(format!(
            "layer {layer}, component {component}: the bandwidth rule found no answer; Silverman's is used instead"
        ));
    }
    let wanted = rule.value * options.bandwidth_factor;
    let Some((marginal, fit)) = Marginal::fit(&sorted, wanted, options.tails) else {
        return Err(format!("component {component} has no usable density at bandwidth {wanted:e}"));
    };
    if fit.widened {
        notes.push(format!(
            "layer {layer}, component {component}: bandwidth {wanted:.3e} is too small for a table, {:.3e} is used instead",
            fit.bandwidth
        ));
    }
    Ok(MarginalFitted { marginal, bandwidth: fit.bandwidth, notes })
}

/// One map of a layer with the rows it works on.
enum Task<'a> {
    One(&'a Marginal, ArrayViewMut1<'a, f64>, Option<ArrayViewMut1<'a, f64>>),
    Two(&'a Pair, [ArrayViewMut1<'a, f64>; 2], Option<ArrayViewMut1<'a, f64>>),
}

/// Applies the layer's maps to its components; `log_derivatives` receives `log dz/ds` of each, that of a pair in the row of
/// its first one.
pub(crate) fn push(
    layer: &Layer,
    mut sources: Array2<f64>,
    mut log_derivatives: Option<&mut Array2<f64>>,
) -> Array2<f64> {
    let mut rows: Vec<Option<ArrayViewMut1<f64>>> = sources.axis_iter_mut(Axis(0)).map(Some).collect();
    let mut derivatives: Vec<Option<ArrayViewMut1<f64>>> = match &mut log_derivatives {
        Some(derivatives) => derivatives.axis_iter_mut(Axis(0)).map(Some).collect(),
        None => rows.iter().map(|_| None).collect(),
    };
    let mut tasks = Vec::new();
    for (j, marginal) in layer.marginals.iter().enumerate() {
        if let (Some(marginal), Some(row)) = (marginal, rows[j].take_if(|_| marginal.is_some())) {
            tasks.push(Task::One(marginal, row, derivatives[j].take()));
        }
    }
    for pair in &layer.pairs {
        if let (Some(a), Some(b)) = (rows[pair.first].take(), rows[pair.second].take()) {
            tasks.push(Task::Two(pair, [a, b], derivatives[pair.first].take()));
        }
    }
    tasks.into_par_iter().for_each(Task::run);
    drop((rows, derivatives));
    if let Some(joint) = &layer.joint {
        let mut logs = vec![0.0; sources.ncols()];
        let columns = sources.axis_chunks_iter_mut(Axis(1), 256).into_par_iter();
        columns.zip(logs.par_chunks_mut(256)).for_each(|(mut columns, logs)| {
            let m = columns.ncols();
            let mut rows: Vec<f64> = columns.iter().copied().collect();
            joint.forward(&mut rows, m, |i, log| logs[i] += log);
            columns.iter_mut().zip(rows).for_each(|(v, z)| *v = z);
        });
        if let Some(derivatives) = log_derivatives {
            derivatives.row_mut(0).iter_mut().zip(logs).for_each(|(derivative, log)| *derivative = log);
        }
    }
    sources
}

impl Task<'_> {
    fn run(self) {
        match self {
            Self::One(marginal, mut row, None) => row.par_mapv_inplace(|v| marginal.forward(v)),
            Self::One(marginal, mut row, Some(mut derivatives)) => {
                row.iter_mut().zip(&mut derivatives).for_each(|(v, log_derivative)| {
                    let (z, derivative) = marginal.forward_with_derivative(*v);
                    (*v, *log_derivative) = (z, derivative.ln());
                });
            }
            Self::Two(pair, [mut a, mut b], mut derivatives) => {
                for (i, (a, b)) in a.iter_mut().zip(&mut b).enumerate() {
                    let log_derivative;
                    (*a, *b, log_derivative) = pair.map.forward(*a, *b);
                    if let Some(derivatives) = &mut derivatives {
                        derivatives[i] = log_derivative;
                    }
                }
            }
        }
    }
}

/// Largest error of the maps followed by their inverses, over up to 1024 points; components have standard deviation 1.
pub(crate) fn round_trip(layer: &Layer, sources: ArrayView2<f64>) -> f64 {
    let few = thin_columns(sources, 1024);
    let mut worst = 0.0_f64;
    for (row, marginal) in few.axis_iter(Axis(0)).zip(&layer.marginals) {
        let Some(marginal) = marginal else { continue };
        for s in row {
            worst = worst.max((marginal.inverse(marginal.forward(*s)) - s).abs());
        }
    }
    for pair in &layer.pairs {
        for (a, b) in few.row(pair.first).iter().zip(few.row(pair.second)) {
            let (z_a, z_b, _) = pair.map.forward(*a, *b);
            let (back_a, back_b) = pair.map.inverse(z_a, z_b);
            worst = worst.max((back_a - a).abs()).max((back_b - b).abs());
        }
    }
    if let Some(joint) = &layer.joint {
        let (m, mut rows) = (few.ncols(), few.iter().copied().collect::<Vec<f64>>());
        joint.forward(&mut rows, m, |_, _| ());
        joint.inverse(&mut rows, m);
        worst = few.iter().zip(rows).fold(worst, |w, (a, b)| w.max((a - b).abs()));
    }
    worst
}
