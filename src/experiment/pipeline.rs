//! One run: what comes before its network is trained, and what after its samples are drawn.

use super::context::Interrupt;
use super::error::{ExperimentError, StageError};
use super::files;
use super::fit_report::fit_rows;
use super::observer::{Observer, Stage};
use super::points;
use super::records::{IsotropyRow, Label, MetricsRow, Row, write_rows};
use super::replicate::{Purpose, Replicate};
use super::status::{StageSeconds, State, Status};
use crate::data::scaling::Scaling;
use crate::data::table;
use crate::diffusion::isotropy::{isotropy, spread_times};
use crate::diffusion::{DiffusionError, MixtureDenoiser};
use crate::gaussianize::Gaussianizer;
use crate::spec::{Pipeline, Plan};
use candle_core::Device;
use ndarray::{Array2, ArrayView2};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Everything one run works with: one pipeline of one replicate of a plan.
pub struct Run<'a> {
    /// Its name, pipeline, replicate and place in a sweep.
    pub label: &'a Label,
    /// The sweep's keys, for the tables.
    pub keys: &'a [String],
    /// Pipeline.
    pub pipeline: Pipeline,
    /// The checked experiment.
    pub plan: &'a Plan,
    /// What the pipelines of the replicate share.
    pub shared: &'a Replicate,
    /// Where the network lives.
    pub device: &'a Device,
    /// Hears how it gets on.
    pub observer: &'a dyn Observer,
    /// Word to stop.
    pub interrupt: &'a Interrupt,
    /// Time between two checkpoints of a training.
    pub checkpoint_every: Duration,
    /// The folder of a finished run that trained the very same network, for a control run.
    pub plain: Option<PathBuf>,
}

/// The Gaussianizer's part of a run.
pub(super) struct Fitted {
    pub map: Option<Gaussianizer>,
    /// Mean log-density of the reference points under the map alone.
    log_likelihood: Option<f64>,
    warnings: Vec<String>,
}

/// A run whose network can be trained.
pub(super) struct Begun<'a> {
    pub run: Run<'a>,
    pub folder: &'a Path,
    pub fitted: Fitted,
    /// The training points `(n, d)` in the network's space.
    pub points: Array2<f64>,
    /// The exact denoiser in that space, where it is known.
    pub exact: Option<MixtureDenoiser>,
    pub seconds: StageSeconds,
}

impl<'a> Run<'a> {
    /// The stages before training.
    ///
    /// # Errors
    /// If a stage fails, a file cannot be written, or a stop was asked for.
    pub(super) fn begin(self, folder: &'a Path) -> Result<Begun<'a>, ExperimentError> {
        let clock = Instant::now();
        let scaled = self.shared.scaling.forward(self.shared.train.view());
        let fitted = self.gaussianize(scaled.view(), folder).map_err(self.failed(Stage::Gaussianize))?;
        let seconds = StageSeconds { gaussianize: clock.elapsed().as_secs_f64(), ..StageSeconds::default() };
        let points = match &fitted.map {
            Some(map) => map.forward(scaled.view()),
            None => scaled,
        };
        let exact = exact_denoiser(self.plan, self.pipeline, &self.shared.scaling)
            .map_err(self.failed(Stage::Train))?;
        self.write_isotropy(points.view(), folder)?;
        Ok(Begun { run: self, folder, fitted, points, exact, seconds })
    }
}

impl Begun<'_> {
    /// Writes what is left to write of a run with these samples, its status last.
    ///
    /// # Errors
    /// If a file cannot be written.
    pub(super) fn finish(
        self,
        samples: &Array2<f64>,
        control_scale: Option<f64>,
    ) -> Result<(), ExperimentError> {
        let Self { run, folder, fitted, seconds, .. } = self;
        if let (true, Some(manifold)) = (run.plan.metrics.points, &run.shared.manifold) {
            points::write(&folder.join("points.csv"), manifold, &run.shared.reference, samples)?;
        }
        files::write(&folder.join("samples.csv"), |out| {
            table::write_csv(out, samples).map_err(std::io::Error::from)
        })?;
        let status = Status {
            state: State::Done,
            label: run.label.clone(),
            seconds,
            map_log_likelihood: fitted.log_likelihood,
            control_scale,
            fresh: Some(MetricsRow::new(0, 0, &run.shared.fresh)),
            warnings: fitted.warnings,
            error: None,
        };
        status.write(folder)?;
        run.observer.finished(&run.label.run);
        Ok(())
    }
}

impl Run<'_> {
    /// Fits the map of the "gaussianized" pipeline to the scaled training points.
    fn gaussianize(&self, scaled: ArrayView2<f64>, folder: &Path) -> Result<Fitted, StageOrFile> {
        if self.pipeline != Pipeline::Gaussianized {
            return Ok(Fitted { map: None, log_likelihood: None, warnings: Vec::new() });
        }
        let id = &self.label.run;
        self.observer.stage(id, Stage::Gaussianize, self.plan.gaussianize.layers as u64);
        let stream = Purpose::Gaussianize.stream(self.plan, self.label.replicate);
        let (map, report) = Gaussianizer::fit(scaled, &self.plan.gaussianize, &stream, &mut |done, _| {
            self.observer.progress(id, Stage::Gaussianize, done as u64, None);
        })?;
        self.interrupt.check()?;
        for warning in &report.warnings {
            self.observer.notice(&format!("{id}: {warning}"));
        }
        self.write_table(&folder.join("gaussianizer.csv"), &fit_rows(&report))?;
        let bytes = map.to_safetensors()?;
        files::write(&folder.join("gaussianizer.safetensors"), |out| out.write_all(&bytes))?;
        // The map is fitted to scaled points; the scaling's own Jacobian makes its density one of data space.
        let reference = self.shared.scaling.forward(self.shared.reference.view());
        let log_scale: f64 = self.shared.scaling.scale.iter().map(|s| s.ln()).sum();
        let log_density = map.log_density(reference.view()).mean().map(|v| v - log_scale);
        Ok(Fitted { map: Some(map), log_likelihood: log_density, warnings: report.warnings })
    }

    /// Writes `isotropy.csv`: the isotropy of the noised points that the network sees (I 20).
    fn write_isotropy(&self, points: ArrayView2<f64>, folder: &Path) -> Result<(), ExperimentError> {
        let noise = Purpose::Forward.stream(self.plan, self.label.replicate);
        let times = spread_times(&self.plan.schedule, 100);
        let rows: Vec<IsotropyRow> = isotropy(points, &self.plan.schedule, &noise, &times)
            .into_iter()
            .map(|i| IsotropyRow { t: i.t, isotropy: i.measured, formula: i.formula })
            .collect();
        self.write_table(&folder.join("isotropy.csv"), &rows)
    }

    /// From the network's space back to data space.
    pub(super) fn to_data_space(
        &self,
        map: Option<&Gaussianizer>,
        x: ArrayView2<f64>,
        step: usize,
        t: usize,
    ) -> Result<Array2<f64>, StageError> {
        let finite = |points: ArrayView2<f64>, what| {
            if points.iter().all(|v| v.is_finite()) {
                Ok(())
            } else {
                Err(StageError::Diverged { step, t, what })
            }
        };
        finite(x, "a coordinate is infinite or not a number")?;
        let points = match map {
            Some(map) => self.shared.scaling.inverse(map.inverse(x).view()),
            None => self.shared.scaling.inverse(x),
        };
        finite(points.view(), "the Gaussianizer's inverse left the range of numbers")?;
        Ok(points)
    }

    /// Scores the points of one reverse step.
    pub(super) fn row(&self, step: usize, t: usize, points: &Array2<f64>) -> Result<MetricsRow, StageError> {
        let scores = self.shared.score(self.plan, points.view())?;
        if scores.log_likelihood.is_some_and(|l| !l.mean.is_finite()) {
            return Err(StageError::Diverged { step, t, what: "the log-likelihood is infinite" });
        }
        Ok(MetricsRow::new(step, t, &scores))
    }

    /// Writes rows under the label of this run.
    pub(super) fn write_table<R: Row>(&self, path: &Path, rows: &[R]) -> Result<(), ExperimentError> {
        write_rows(path, self.keys, self.label, rows)
    }

    /// Names run and stage in a failure.
    pub(super) fn failed<E: Into<StageOrFile>>(&self, stage: Stage) -> impl Fn(E) -> ExperimentError {
        let run = self.label.run.clone();
        move |error| error.into().placed(&run, stage)
    }
}

/// The exact denoiser of the points that the network sees; none where no closed form is known.
pub(super) fn exact_denoiser(
    plan: &Plan,
    pipeline: Pipeline,
    scaling: &Scaling,
) -> Result<Option<MixtureDenoiser>, StageError> {
    let Some(mixture) = plan.data.source.mixture() else { return Ok(None) };
    if pipeline == Pipeline::Gaussianized {
        return Ok(None);
    }
    let scaled = mixture.rescaled(&scaling.shift, &scaling.scale).map_err(DiffusionError::from)?;
    Ok(Some(MixtureDenoiser::new(&scaled, &plan.schedule)?))
}

/// A failed stage, or a file that could not be written during it.
pub(super) enum StageOrFile {
    Stage(StageError),
    File(Box<ExperimentError>),
}

impl StageOrFile {
    fn placed(self, run: &str, stage: Stage) -> ExperimentError {
        match self {
            Self::File(error) => *error,
            Self::Stage(StageError::Interrupted) => ExperimentError::Interrupted,
            Self::Stage(source) => {
                ExperimentError::Stage { run: run.to_string(), stage: stage.name(), source }
            }
        }
    }
}

impl<E: Into<StageError>> From<E> for StageOrFile {
    fn from(error: E) -> Self {
        Self::Stage(error.into())
    }
}

impl From<ExperimentError> for StageOrFile {
    fn from(error: ExperimentError) -> Self {
        Self::File(Box::new(error))
    }
}
