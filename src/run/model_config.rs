//! What another program needs to use a run's network: `config.json`, and without what only the run knows the entry
//! `config` of the metadata of `model.safetensors`. `docs/model.md` explains both.

use super::Run;
use super::prepare::Prepared;
use crate::diffusion::network::unet::build::UnetOptions;
use crate::diffusion::{Activation, Conditioning, Network, NetworkKind, NetworkOptions, TimeEncoding};
use serde::Serialize;
use std::collections::BTreeMap;

/// The metadata entry of `model.safetensors`.
const ENTRY: &str = "config";

/// What belongs to the network, the same for every run that uses it.
#[derive(Serialize)]
pub(super) struct ModelConfig {
    /// The names of the data's axes.
    axes: Vec<String>,
    dim: usize,
    /// The columns of the output: `dim`, and as many again for a learned variance.
    outputs: usize,
    /// `T`.
    steps: usize,
    network: NetworkConfig,
    /// From the data to the coordinates in which the network predicts, transform by transform, as in `status.json`.
    space: serde_json::Value,
    /// `abar_1 .. abar_T`.
    alpha_bar: Vec<f64>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum NetworkConfig {
    Dense {
        hidden: Vec<usize>,
        activation: Activation,
        time: TimeEncoding,
        time_dim: usize,
        conditioning: Conditioning,
    },
    Unet {
        kind: NetworkKind,
        /// Channels, height, width.
        image: [usize; 3],
        channels: usize,
        multipliers: Vec<usize>,
        blocks: usize,
        attention: Vec<usize>,
        groups: usize,
    },
}

impl From<&NetworkOptions> for NetworkConfig {
    fn from(options: &NetworkOptions) -> Self {
        match options.kind {
            NetworkKind::Mlp => Self::Dense {
                hidden: options.widths(),
                activation: options.activation,
                time: options.time,
                time_dim: options.time_dim,
                conditioning: options.conditioning,
            },
            NetworkKind::Unet => {
                let UnetOptions { image, channels, multipliers, blocks, attention, groups, .. } =
                    options.unet();
                Self::Unet { kind: options.kind, image, channels, multipliers, blocks, attention, groups }
            }
        }
    }
}

/// The same for one run.
#[derive(Serialize)]
struct RunConfig<'a> {
    /// The version of gdiff.
    gdiff: &'static str,
    run: &'a str,
    pipeline: &'a str,
    replicate: usize,
    /// What the prediction is multiplied by when sampling.
    epsilon_scale: f64,
    #[serde(flatten)]
    model: &'a ModelConfig,
}

impl ModelConfig {
    /// Of a run's network.
    pub(super) fn new(run: &Run, prepared: &Prepared, network: &Network) -> Self {
        let schedule = &run.plan.schedule;
        Self {
            axes: run.plan.data.source.axis_names(),
            dim: network.dim(),
            outputs: network.outputs().width(network.dim()),
            steps: network.steps(),
            network: network.options().into(),
            space: prepared.space.chain.to_json(),
            alpha_bar: (1..=schedule.steps()).map(|t| schedule.alpha_bar(t)).collect(),
        }
    }

    /// The metadata of `model.safetensors`.
    pub(super) fn metadata(&self) -> BTreeMap<String, String> {
        BTreeMap::from([(ENTRY.to_string(), json(self))])
    }

    /// `config.json` of a run whose predictions are multiplied by that number.
    pub(super) fn of_run(&self, run: &Run, epsilon_scale: f64) -> String {
        json(&RunConfig {
            gdiff: env!("CARGO_PKG_VERSION"),
            run: &run.label.run,
            pipeline: &run.label.pipeline,
            replicate: run.label.replicate,
            epsilon_scale,
            model: self,
        })
    }
}

fn json(config: &impl Serialize) -> String {
    serde_json::to_string(config).expect("numbers and words have a JSON form")
}
