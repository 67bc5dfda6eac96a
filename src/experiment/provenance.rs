//! `provenance.json`: what made the numbers, so that they can be made again.

use super::error::ExperimentError;
use super::files;
use super::status::Status;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::time::SystemTime;

/// Version, machine and time of an experiment.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    version: &'static str,
    git_commit: &'static str,
    build_profile: &'static str,
    features: &'static str,
    device: String,
    cpu: String,
    operating_system: &'static str,
    threads: usize,
    jobs: usize,
    start: String,
    seconds: f64,
    /// Seconds per stage of each run.
    stages: BTreeMap<String, super::StageSeconds>,
}

impl Provenance {
    /// What can be said at the start.
    pub fn begin(device: String, threads: usize, jobs: usize) -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            git_commit: env!("GDIFF_GIT_COMMIT"),
            build_profile: env!("GDIFF_PROFILE"),
            features: env!("GDIFF_FEATURES"),
            device,
            cpu: cpu_name(),
            operating_system: std::env::consts::OS,
            threads,
            jobs,
            start: humantime::format_rfc3339_seconds(SystemTime::now()).to_string(),
            seconds: 0.0,
            stages: BTreeMap::new(),
        }
    }

    /// Completes it with the runs' own times and writes it.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write<'a>(
        mut self,
        folder: &Path,
        seconds: f64,
        runs: impl IntoIterator<Item = &'a Status>,
    ) -> Result<(), ExperimentError> {
        self.seconds = seconds;
        self.stages = runs.into_iter().map(|s| (s.label.run.clone(), s.seconds)).collect();
        files::write(&folder.join("provenance.json"), |out| {
            serde_json::to_writer_pretty(&mut *out, &self)?;
            out.write_all(b"\n")
        })
    }
}

/// The processor's name, where the system tells it.
fn cpu_name() -> String {
    std::fs::read_to_string("/proc/cpuinfo")
        .ok()
        .and_then(|text| {
            text.lines().find_map(|l| {
                l.strip_prefix("model name")?.split_once(':').map(|(_, v)| v.trim().to_string())
            })
        })
        .unwrap_or_else(|| std::env::consts::ARCH.to_string())
}
