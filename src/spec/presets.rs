//! `preset = "paper"` in a Gaussianizer's settings: values for the keys that the spec leaves out. It is replaced by those
//! values before anything else looks at the spec, so that a resolved spec holds numbers and words alone.

use crate::gaussianize::{GaussianizeOptions, Preset};
use toml::{Table, Value};

/// The key.
pub const PRESET: &str = "preset";

/// Replaces each preset of a spec by its values. One that is unknown stays, for the refusal of unknown words.
pub fn expand(spec: &mut Table) {
    if let Some(Value::Table(section)) = spec.get_mut("gaussianize") {
        expand_section(section);
    }
    let Some(Value::Table(pipelines)) = spec.get_mut("pipeline") else { return };
    for pipeline in pipelines.iter_mut().map(|(_, pipeline)| pipeline) {
        let Some(Value::Array(space)) = pipeline.get_mut("space") else { continue };
        for transform in space {
            if let Some(Value::Table(section)) = transform.get_mut("gaussianize") {
                expand_section(section);
            }
        }
    }
}

fn expand_section(section: &mut Table) {
    let Some(preset) = section.get(PRESET).and_then(|word| word.clone().try_into::<Preset>().ok()) else {
        return;
    };
    section.remove(PRESET);
    let values = Table::try_from(GaussianizeOptions::preset(preset)).expect("options are numbers and words");
    for (key, value) in values {
        section.entry(key).or_insert(value);
    }
}
