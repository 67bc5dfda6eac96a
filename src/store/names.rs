//! The name of every file and folder that a study writes.

/// The spec as understood: of the study, or of one run.
pub const SPEC: &str = "spec.toml";
/// Metrics by reverse step.
pub const METRICS: &str = "metrics.csv";
/// Losses by iteration.
pub const LOSS: &str = "loss.csv";
/// Metrics of the network's samples by iteration of its training.
pub const TRAINING_METRICS: &str = "training_metrics.csv";
/// The isotropy of the forward process.
pub const ISOTROPY: &str = "isotropy.csv";
/// What the fits of Gaussianizers did.
pub const FIT: &str = "gaussianizer.csv";
/// When the samples choose their modes.
pub const BIFURCATION: &str = "bifurcation.csv";
/// The error of the predicted noise by diffusion time.
pub const ERROR_OVER_T: &str = "error_over_t.csv";
/// The likelihood of fresh points under the model.
pub const LIKELIHOOD: &str = "likelihood.csv";
/// The last steps over replicates.
pub const SUMMARY: &str = "summary.csv";
/// What made the numbers. Written after all tables.
pub const PROVENANCE: &str = "provenance.json";

/// The tables that every study has, in the order in which they are written.
pub const TABLES: [&str; 6] = [METRICS, LOSS, ISOTROPY, FIT, SUMMARY, PROVENANCE];

/// The tables of `[diagnostics]`, which runs and studies have only where the spec asks for them.
pub const DIAGNOSTICS: [&str; 3] = [BIFURCATION, ERROR_OVER_T, LIKELIHOOD];

/// The summary as nested JSON, for DVC.
pub const METRICS_JSON: &str = "metrics.json";

/// The tables that a study may not have: those of `[train.evaluate]` and [`DIAGNOSTICS`], and those that earlier versions
/// did not write.
pub const OPTIONAL: [&str; 5] = [TRAINING_METRICS, BIFURCATION, ERROR_OVER_T, LIKELIHOOD, METRICS_JSON];

/// The folder with a folder for each run.
pub const RUNS: &str = "runs";
/// How a run ended. Written last.
pub const STATUS: &str = "status.json";
/// The trained network.
pub const MODEL: &str = "model.safetensors";
/// What another program needs to use the network.
pub const CONFIG: &str = "config.json";
/// The run's first Gaussianizer.
pub const GAUSSIANIZER: &str = "gaussianizer.safetensors";
/// The generated points.
pub const SAMPLES: &str = "samples.csv";
/// The k-NN radius of each real point, and the number of spheres around each sample.
pub const POINTS: &str = "points.csv";

/// Who works in the folder.
pub const LOCK: &str = ".lock";
/// Begin and end of the name of a file that is not finished.
pub const UNFINISHED: (&str, &str) = (".gdiff-", ".part");
/// Begin and end of the name of a picture of the samples at an iteration of a training.
const TRAINING_PICTURE: (&str, &str) = ("training_", ".png");
/// The two checkpoints of a training, without their ends.
pub const CHECKPOINTS: [&str; 2] = ["checkpoint-a", "checkpoint-b"];

/// The folder of the figures.
pub const FIGURES: &str = "figures";
/// The page.
pub const PAGE: &str = "report.html";
/// The list of the files that drawings wrote, in [`FIGURES`].
pub const DRAWN: &str = "drawn.json";
/// The folder of TensorBoard's event files.
pub const TENSORBOARD: &str = "tensorboard";

/// The event file of a run, in a folder of its name in [`TENSORBOARD`]. TensorBoard reads every file whose name holds
/// `tfevents`.
pub const EVENTS: &str = "events.out.tfevents.gdiff";

/// The numbered runs of a planned study. Written after [`SPECS`].
pub const PLAN: &str = "points.json";
/// The specs of the planned runs, one after the other.
pub const SPECS: &str = "specs.txt";
/// The folder of the scripts for Slurm.
pub const SLURM: &str = "slurm";
/// The job arrays that were submitted, in [`SLURM`].
pub const JOBS: &str = "jobs.json";

/// The files that a run may write, beside those that its status names and its checkpoints.
pub const RUN_FILES: [&str; 16] = [
    SPEC,
    METRICS,
    LOSS,
    TRAINING_METRICS,
    ISOTROPY,
    FIT,
    BIFURCATION,
    ERROR_OVER_T,
    LIKELIHOOD,
    MODEL,
    CONFIG,
    GAUSSIANIZER,
    SAMPLES,
    POINTS,
    STATUS,
    LOCK,
];

/// The picture of the samples at an iteration of a training. Names in order are iterations in order.
pub fn training_picture(iteration: usize) -> String {
    let (begin, end) = TRAINING_PICTURE;
    format!("{begin}{iteration:08}{end}")
}

/// Whether a file has the name of such a picture.
pub fn is_training_picture(name: &str) -> bool {
    let (begin, end) = TRAINING_PICTURE;
    name.strip_prefix(begin).and_then(|rest| rest.strip_suffix(end)).is_some_and(is_number)
}

/// Whether a part of a name is a whole number in digits.
pub fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}
