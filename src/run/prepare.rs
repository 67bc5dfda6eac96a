//! The space of a run, fitted to its training points; and what is known of the diffusion there.

use super::late_start::late_start;
use super::replicate::Purpose;
use super::{Run, Stage, StageError};
use crate::diffusion::isotropy::{Isotropy, isotropy, spread_times};
use crate::diffusion::speciation::largest_eigenvalue;
use crate::diffusion::{LateStart, MixtureDenoiser, Schedule, StartStep};
use crate::gaussianize::Gaussianizer;
use crate::space::chain::FittedChain;
use crate::space::{Chain, FitContext, Fitted, MapFile, Scaling};
use crate::spec::Plan;
use crate::store::fit_rows::fit_rows;
use crate::store::run_folder::{has_file, read_checked, read_checked_rows};
use crate::store::{FitRow, IsotropyRow, Status, StoreError, names};
use ndarray::{Array2, ArrayView2};
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// Times at which the isotropy of the forward process is measured.
pub const ISOTROPY_TIMES: usize = 100;

/// A fitted space, as its run folder keeps it.
pub struct FittedSpace {
    /// The transforms.
    pub chain: Chain,
    /// The training points there, `(n, d)`.
    pub points: Array2<f64>,
    /// The rows of `gaussianizer.csv`; none without a Gaussianizer.
    pub fit_rows: Vec<FitRow>,
    /// Mean log-density of the reference points under the space alone, nats; none if the space is but a scaling.
    pub log_likelihood: Option<f64>,
    /// What the fits warned of.
    pub warnings: Vec<String>,
    /// The largest eigenvalue of the covariance of the training points there; none where it cannot be computed.
    pub largest_eigenvalue: Option<f64>,
    /// The automatic late starts of the schedules that asked for one.
    late_starts: BySchedule<LateStart>,
    /// The rows of `isotropy.csv`.
    isotropies: BySchedule<Arc<[IsotropyRow]>>,
    /// The files of its Gaussianizers, made for the first of the runs that share the space.
    files: OnceLock<Vec<MapFileBytes>>,
}

/// What is found once for all runs of a space that have the same schedule.
struct BySchedule<T>(Mutex<Vec<(Arc<Schedule>, T)>>);

impl<T> Default for BySchedule<T> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<T: Clone> BySchedule<T> {
    /// What is known of a schedule, or what `find` finds.
    fn get_or(
        &self,
        schedule: &Arc<Schedule>,
        find: impl FnOnce() -> Result<T, StageError>,
    ) -> Result<T, StageError> {
        let known = || self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let found = known().iter().find(|(of, _)| of == schedule).map(|(_, found)| found.clone());
        if let Some(found) = found {
            return Ok(found);
        }
        // The lock is not held meanwhile: other threads may find the same.
        let found = find()?;
        known().push((Arc::clone(schedule), found.clone()));
        Ok(found)
    }
}

/// A file's name and what it holds.
type MapFileBytes = (String, Vec<u8>);

/// A run whose network can be trained.
pub(super) struct Prepared {
    pub space: Arc<FittedSpace>,
    /// The exact denoiser in the space, where it is known.
    pub exact: Option<MixtureDenoiser>,
    pub seconds: f64,
}

impl Prepared {
    /// From the space of the diffusion back to data space, at a reverse step.
    ///
    /// # Errors
    /// If a point is not finite, here or there.
    pub fn to_data_space(
        &self,
        x: ArrayView2<f64>,
        step: usize,
        t: usize,
    ) -> Result<Array2<f64>, StageError> {
        let finite = |points: ArrayView2<f64>, what: &str| match points.iter().all(|v| v.is_finite()) {
            true => Ok(()),
            false => Err(StageError::Diverged { step, t, what: what.to_string() }),
        };
        finite(x, "a coordinate is infinite or not a number")?;
        let points = self.space.chain.inverse(x);
        finite(points.view(), "the inverse of the space left the range of numbers")?;
        Ok(points)
    }
}

/// The stage before the training: the space, `gaussianizer.csv` and its files, `isotropy.csv`.
pub(super) fn prepare(run: &Run) -> Result<Prepared, StageError> {
    let clock = Instant::now();
    let space = run.stages.space(run, &mut || fit(run))?;
    run.interrupt.check()?;
    for warning in &space.warnings {
        run.report(super::Event::Notice(&format!("{}: {warning}", run.label.run)));
    }
    let files = space.files(&run.plan.data.source.axis_names())?;
    if !files.is_empty() {
        run.folder.write_rows(names::FIT, run.sweep_keys, run.label, &space.fit_rows)?;
    }
    for (name, bytes) in files {
        run.folder.write(name, |out| out.write_all(bytes))?;
    }
    let seconds = clock.elapsed().as_secs_f64();
    let rows = space.isotropies.get_or(&run.plan.schedule, || isotropy_rows(run, space.points.view()))?;
    run.folder.write_rows(names::ISOTROPY, run.sweep_keys, run.label, &rows)?;
    let exact = exact_denoiser(run.plan, &space.chain)?;
    Ok(Prepared { space, exact, seconds })
}

/// Fits the space to the training points.
fn fit(run: &Run) -> Result<FittedSpace, StageError> {
    let plan = run.plan;
    let gaussianizers = run.pipeline.space.iter().filter_map(|t| t.gaussianizer(&plan.gaussianize));
    let layers: usize = gaussianizers.map(|options| options.layers).sum();
    if layers > 0 {
        run.begin_stage(Stage::Gaussianize, layers);
    }
    let mut context = FitContext {
        scale: plan.data.scale,
        gaussianize: &plan.gaussianize,
        axes: &plan.data.source.axis_names(),
        stream: &run.stream(Purpose::Gaussianize),
        fill: plan.fills(run.pipeline),
        progress: &mut |layers| run.progress(Stage::Gaussianize, layers, None),
    };
    let train = run.replicate.train.view();
    let FittedChain { chain, points, notices: mut warnings, reports } =
        Chain::fit(&run.pipeline.space, train, &mut context)?;
    let fit_rows = reports.iter().flat_map(fit_rows).collect();
    warnings.extend(reports.into_iter().flat_map(|report| report.warnings));
    warnings.extend(of_reference(&chain, run));
    let mut log_likelihood = log_likelihood(&chain, run);
    if log_likelihood.is_some_and(|value| !value.is_finite()) {
        log_likelihood = None;
        warnings.push(
            "a reference point lies so far out that its log-density under the map is below the range of numbers; the map's mean log-density is left empty"
                .to_string(),
        );
    }
    let largest_eigenvalue = largest_eigenvalue(points.view());
    Ok(FittedSpace {
        chain,
        points,
        fit_rows,
        log_likelihood,
        warnings,
        largest_eigenvalue,
        late_starts: BySchedule::default(),
        isotropies: BySchedule::default(),
        files: OnceLock::new(),
    })
}

/// The mean log-density of the reference points under the space alone; none where the space is but a scaling, which
/// is no model of the data, and where it drops axes, so that points have no density.
fn log_likelihood(chain: &Chain, run: &Run) -> Option<f64> {
    if chain.is_only_scaling() || chain.lost_variance().is_some() {
        return None;
    }
    chain.mean_log_density(run.replicate.reference.view())
}

/// What does not come back of the reference points, in sentences.
fn of_reference(chain: &Chain, run: &Run) -> Vec<String> {
    let (points, axes) = (run.replicate.reference.view(), run.plan.data.source.axis_names());
    let misfits = chain.misfits(points, &axes).into_iter();
    misfits.map(|sentence| format!("among the reference points: {sentence}")).collect()
}

impl FittedSpace {
    /// The space that another run of the same key has fitted, from its folder, with the training points `train` of
    /// that key.
    ///
    /// # Errors
    /// If a file is missing or is not what that run wrote.
    pub fn read(
        folder: &Path,
        status: &Status,
        plan: &Plan,
        train: ArrayView2<f64>,
    ) -> Result<Self, StoreError> {
        let chain = read_chain(folder, status, plan, train)?;
        let fit_rows = match has_file(folder, status, names::FIT) {
            true => read_checked_rows(folder, status, names::FIT)?,
            false => Vec::new(),
        };
        let points = chain.forward(train);
        Ok(Self {
            largest_eigenvalue: largest_eigenvalue(points.view()),
            points,
            chain,
            fit_rows,
            log_likelihood: status.map_log_likelihood,
            warnings: status.warnings.clone(),
            late_starts: BySchedule::default(),
            isotropies: BySchedule::default(),
            files: OnceLock::new(),
        })
    }

    /// Where a late start of a run in this space begins. An automatic one is found once for all runs of one schedule.
    pub(super) fn late_start(&self, run: &Run, at: StartStep) -> Result<LateStart, StageError> {
        let schedule = &run.plan.schedule;
        let begin = || late_start(at, schedule, self.points.view(), &run.stream(Purpose::LateStart));
        if at != StartStep::Auto {
            return begin();
        }
        self.late_starts.get_or(schedule, begin)
    }

    /// The files of its Gaussianizers, for data whose axes have these names.
    fn files(&self, axes: &[String]) -> Result<&[MapFileBytes], StageError> {
        if self.files.get().is_none() {
            // Another thread may have been faster, with the same bytes.
            let _ = self.files.set(MapFile::write(&self.chain, axes)?);
        }
        Ok(self.files.get().map_or(&[], Vec::as_slice))
    }
}

/// The chain of transforms of a finished run of a plan. Version 0.1 kept the Gaussianizer alone; its scaling is fitted
/// again to the training points `train` of the run.
///
/// # Errors
/// If a file is missing or is not what the run wrote.
pub(super) fn read_chain(
    folder: &Path,
    status: &Status,
    plan: &Plan,
    train: ArrayView2<f64>,
) -> Result<Chain, StoreError> {
    let failed = |reason: String| StoreError::Read { path: folder.join(names::STATUS), reason };
    let mut read = |name: &str| read_checked(folder, status, name).map_err(|e| e.to_string());
    if let Some(space) = &status.space {
        return Chain::from_files(space, &mut read).map_err(|e| failed(e.to_string()));
    }
    let scaling = Scaling::fit(plan.data.scale, train).map_err(|e| failed(e.to_string()))?;
    let mut transforms = vec![Fitted::Scaling(scaling)];
    if has_file(folder, status, names::GAUSSIANIZER) {
        let bytes = read_checked(folder, status, names::GAUSSIANIZER)?;
        let map = Gaussianizer::from_safetensors(&bytes).map_err(|e| StoreError::Read {
            path: folder.join(names::GAUSSIANIZER),
            reason: e.to_string(),
        })?;
        transforms.push(Fitted::Gaussianize(map));
    }
    Ok(Chain::new(transforms))
}

/// Writes `isotropy.csv`: the isotropy of the noised points that the network sees (I 20).
fn isotropy_rows(run: &Run, points: ArrayView2<f64>) -> Result<Arc<[IsotropyRow]>, StageError> {
    let times = spread_times(&run.plan.schedule, ISOTROPY_TIMES);
    let measured = isotropy(points, &run.plan.schedule, &run.stream(Purpose::Forward), &times);
    if let Some(i) = measured.iter().find(|i| !(i.measured.is_finite() && i.formula.is_finite())) {
        return Err(StageError::OutOfRange { t: i.t });
    }
    let row = |i: Isotropy| IsotropyRow { t: i.t, isotropy: i.measured, formula: i.formula };
    Ok(measured.into_iter().map(row).collect())
}

/// The exact denoiser of the points in a space; none where no closed form is known.
///
/// # Errors
/// If a covariance of the mixture cannot be factored there.
pub(super) fn exact_denoiser(plan: &Plan, chain: &Chain) -> Result<Option<MixtureDenoiser>, StageError> {
    let Some(mixture) = plan.data.source.mixture() else { return Ok(None) };
    let mixture = chain.push_forward(mixture).map_err(crate::diffusion::DiffusionError::from)?;
    Ok(mixture.map(|mixture| MixtureDenoiser::new(&mixture, &plan.schedule)).transpose()?)
}
