//! The end of a run: what is left to write, the status last.

use super::diagnose::Diagnosed;
use super::path::speciation_step;
use super::prepare::Prepared;
use super::sample::Samples;
use super::train::Model;
use super::{Event, Run, StageError};
use crate::data::table;
use crate::metrics::RealManifold;
use crate::spec::NUMERICS;
use crate::store::knn_radii::write_knn_radii;
use crate::store::{StageSeconds, State, Status, names};

/// Writes `points.csv` where it is asked for, `samples.csv`, and the status.
pub(super) fn finish(
    run: &Run,
    prepared: &Prepared,
    model: &Model,
    samples: &Samples,
    diagnosed: &Diagnosed,
) -> Result<Status, StageError> {
    let (replicate, metrics) = (run.replicate, &run.plan.metrics);
    if metrics.points {
        let manifold = RealManifold::on(run.device, replicate.reference.view(), metrics.k)?;
        let spheres = manifold.spheres_holding(samples.points.view())?;
        let (real, generated) = (&replicate.reference, &samples.points);
        run.folder.write(names::POINTS, |out| {
            write_knn_radii(
                out,
                &run.plan.data.source.axis_names(),
                (real, manifold.radii()),
                (generated, &spheres),
            )
        })?;
    }
    run.folder.write(names::SAMPLES, |out| {
        table::write_csv(out, &run.plan.data.source.axis_names(), &samples.points)
            .map_err(std::io::Error::from)
    })?;
    let status = Status {
        state: State::Done,
        label: run.label.clone(),
        numerics: Some(NUMERICS),
        keys: Some(run.keys.clone()),
        space: Some(prepared.space.chain.to_json()),
        seconds: StageSeconds {
            gaussianize: prepared.seconds,
            train: model.seconds,
            sample: samples.seconds,
            diagnose: diagnosed.seconds,
        },
        map_log_likelihood: prepared.space.log_likelihood,
        control_scale: model.control_scale,
        speciation_step: speciation_step(run, prepared, samples.t),
        network_calls: Some(samples.calls),
        start_step: run.plan.sample.late.map(|_| samples.t),
        cloning_step: diagnosed.cloning_step,
        likelihoods: diagnosed.likelihoods,
        fresh: Some(replicate.fresh.clone()),
        warnings: prepared.space.warnings.clone(),
        error: None,
        files: Default::default(),
    };
    let status = run.folder.finish(status)?;
    run.report(Event::Finished { run: &run.label.run });
    Ok(status)
}
