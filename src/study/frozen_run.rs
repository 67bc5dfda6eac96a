//! A run of a frozen study, as `points.json` has it.

use super::planned;
use crate::store::{Label, atomic};
use serde::{Deserialize, Serialize};

/// One run, ready to be executed anywhere.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "StoredRun", into = "RunColumns")]
pub struct FrozenRun {
    /// Name, pipeline, replicate and sweep values.
    pub label: Label,
    /// What identifies the run; none in plans of version 0.1.
    pub keys: Option<FrozenKeys>,
    /// Where its resolved spec (TOML) begins in `specs.txt`, bytes.
    pub(super) begin: u64,
    /// How long it is, bytes.
    pub(super) length: usize,
}

/// What identifies a frozen run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FrozenKeys {
    /// The beginning of the key of the run and of the SHA-256 of its spec, in hexadecimal, one behind the other.
    pub(super) digests: String,
    /// The number of the network that it trains, where it trains one; runs of one number share it.
    pub network: Option<usize>,
}

/// Characters of a run's key that a plan keeps: no two runs share them.
const RUN_KEY: usize = 32;
/// Characters of a spec's digest that a plan keeps: they tell damage.
const SPEC_DIGEST: usize = 16;

/// The part of a spec's digest that a plan keeps.
pub(super) fn spec_digest(text: &str) -> String {
    atomic::digest(text.as_bytes())[..SPEC_DIGEST].to_string()
}

impl FrozenKeys {
    pub(super) fn new(run: &planned::PlannedRun, network: Option<usize>) -> Self {
        Self { digests: format!("{}{}", &run.keys.run[..RUN_KEY], spec_digest(&run.spec)), network }
    }

    /// Whether this is the run of that key.
    pub fn is_run(&self, key: &str) -> bool {
        key.get(..RUN_KEY).is_some_and(|key| self.digests.starts_with(key))
    }

    /// Whether that is its spec.
    pub(super) fn is_spec(&self, text: &str) -> bool {
        self.digests.get(RUN_KEY..) == Some(spec_digest(text).as_str())
    }
}

/// A run as `points.json` has it: its fields in this order as a list, which is read in half the time of an object; in
/// version 0.1 an object.
#[derive(Deserialize)]
struct StoredRun {
    run: String,
    pipeline: String,
    replicate: usize,
    values: Vec<String>,
    begin: u64,
    length: usize,
    #[serde(default)]
    digests: Option<String>,
    #[serde(default)]
    network: Option<usize>,
}

/// The fields of [`StoredRun`], to be written.
type RunColumns = (String, String, usize, Vec<String>, u64, usize, Option<String>, Option<usize>);

impl From<StoredRun> for FrozenRun {
    fn from(stored: StoredRun) -> Self {
        let StoredRun { run, pipeline, replicate, values, begin, length, digests, network } = stored;
        let keys = digests.map(|digests| FrozenKeys { digests, network });
        Self { label: Label { run, pipeline, replicate, values }, keys, begin, length }
    }
}

impl From<FrozenRun> for RunColumns {
    fn from(frozen: FrozenRun) -> Self {
        let FrozenRun { label: Label { run, pipeline, replicate, values }, keys, begin, length } = frozen;
        let network = keys.as_ref().and_then(|keys| keys.network);
        (run, pipeline, replicate, values, begin, length, keys.map(|keys| keys.digests), network)
    }
}
