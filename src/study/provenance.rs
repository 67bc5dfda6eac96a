//! `provenance.json`: what made the numbers, so that they can be made again.

use crate::store::{StageSeconds, Status, StoreError, atomic, names, sealed};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, SystemTime};

/// Version, machine and time of an experiment.
#[derive(Debug, Clone, Serialize)]
pub struct Provenance {
    version: &'static str,
    git_commit: &'static str,
    build_profile: &'static str,
    features: &'static str,
    operating_system: &'static str,
    /// Left out of what was collected from several processes.
    #[serde(flatten)]
    machine: Option<Machine>,
    start: String,
    seconds: f64,
    /// Seconds per stage of each run.
    stages: BTreeMap<String, StageSeconds>,
    /// SHA-256 of each table, in hexadecimal.
    tables: BTreeMap<String, String>,
}

/// Where all runs of one process were done.
#[derive(Debug, Clone, Serialize)]
struct Machine {
    device: String,
    cpu: String,
    threads: usize,
    jobs: usize,
}

impl Provenance {
    /// What is known at the start of runs in this process.
    pub fn begin(device: String, threads: usize, jobs: usize) -> Self {
        Self { machine: Some(Machine { device, cpu: cpu_name(), threads, jobs }), ..Self::of_collection() }
    }

    /// What is known of runs of other processes.
    pub fn of_collection() -> Self {
        Self {
            version: env!("CARGO_PKG_VERSION"),
            git_commit: env!("GDIFF_GIT_COMMIT"),
            build_profile: env!("GDIFF_PROFILE"),
            features: env!("GDIFF_FEATURES"),
            operating_system: std::env::consts::OS,
            machine: None,
            start: time_of_day(SystemTime::now()),
            seconds: 0.0,
            stages: BTreeMap::new(),
            tables: BTreeMap::new(),
        }
    }

    /// Removes an old one: while it is missing, the folder's tables cannot be trusted.
    ///
    /// # Errors
    /// If the file cannot be removed.
    pub fn remove(folder: &Path) -> Result<(), StoreError> {
        atomic::remove(&folder.join(names::PROVENANCE))
    }

    /// Completes it with the runs' own times and the digests of the tables, and writes it, after all tables.
    ///
    /// # Errors
    /// If the file cannot be written.
    pub fn write<'a>(
        mut self,
        folder: &Path,
        seconds: f64,
        runs: impl IntoIterator<Item = &'a Status>,
        tables: &BTreeMap<String, String>,
    ) -> Result<(), StoreError> {
        self.tables = tables.clone();
        self.seconds = seconds;
        self.stages = runs.into_iter().map(|s| (s.label.run.clone(), s.seconds)).collect();
        sealed::write(&folder.join(names::PROVENANCE), &self)
    }
}

/// What is read back of the provenance of a folder.
#[derive(Debug, Deserialize)]
pub struct Written {
    /// The version of the program that wrote it.
    #[serde(rename = "version")]
    _version: String,
    #[serde(rename = "git_commit")]
    _git_commit: String,
    /// The runs that the tables were made of.
    pub stages: BTreeMap<String, StageSeconds>,
    /// SHA-256 of each table, by its name; none of version 0.1.
    #[serde(default)]
    pub tables: BTreeMap<String, String>,
}

/// The provenance of a folder; none where there is none, or where it is not what was written.
pub fn read(folder: &Path) -> Option<Written> {
    sealed::read(&folder.join(names::PROVENANCE))
}

/// A time as text, to the second. A clock that is far off gives the nearest time that can be written, not a failure.
fn time_of_day(time: SystemTime) -> String {
    const LAST: Duration = Duration::from_secs(253_402_300_799); // the end of the year 9999
    let time = time.clamp(SystemTime::UNIX_EPOCH, SystemTime::UNIX_EPOCH + LAST);
    humantime::format_rfc3339_seconds(time).to_string()
}

/// The processor's name, where the system gives it.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_clock_can_be_written() {
        let (epoch, long) = (SystemTime::UNIX_EPOCH, Duration::from_secs(1_000_000_000_000));
        assert_eq!(time_of_day(epoch - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
        assert_eq!(time_of_day(epoch + Duration::from_secs(1_000_000_000)), "2001-09-09T01:46:40Z");
        assert_eq!(time_of_day(epoch + long), "9999-12-31T23:59:59Z");
    }
}
