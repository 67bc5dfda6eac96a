//! `gdiff schema` describes every spec that the reader takes, and refuses what is no key.

use crate::common::{TINY, gdiff, in_repository, stand_in};
use boon::{Compiler, SchemaIndex, Schemas};
use serde_json::Value;
use tempfile::tempdir;

struct Schema {
    schemas: Schemas,
    index: SchemaIndex,
}

impl Schema {
    /// What the binary prints.
    fn printed() -> Self {
        let folder = tempdir().unwrap();
        let output = gdiff(folder.path()).arg("schema").output().unwrap();
        assert_eq!(output.status.code(), Some(0));
        let schema: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
        let (mut schemas, mut compiler) = (Schemas::new(), Compiler::new());
        compiler.add_resource("spec.json", schema).unwrap();
        let index = compiler.compile("spec.json", &mut schemas).unwrap();
        Self { schemas, index }
    }

    fn refusal(&self, spec: &str) -> Option<String> {
        let table: toml::Table = spec.parse().unwrap();
        let value = serde_json::to_value(table).unwrap();
        self.schemas.validate(&value, self.index).err().map(|e| e.to_string())
    }
}

#[test]
fn every_spec_in_the_repository_is_valid() {
    let schema = Schema::printed();
    let configs = in_repository("configs", "toml");
    assert!(configs.len() >= 15, "{configs:?}");
    for path in configs {
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(schema.refusal(&text), None, "{}", path.display());
        // And with every default filled in.
        let study = gdiff::spec::read(&path, &stand_in(&path)).unwrap();
        assert_eq!(schema.refusal(&study.to_toml().unwrap()), None, "{}, resolved", path.display());
    }
}

#[test]
fn sweeps_of_all_forms_are_valid() {
    let sweep = "[sweep]\n\"network.width\" = [8, 16]\n\"data.components.0.std\" = [0.1, 0.2]\n\
        [[sweep.zip]]\n\"train.epochs\" = [1, 2]\n\"train.ema\" = [0.0, 0.9]\n\
        [[sweep.points]]\n\"network.hidden\" = [4]\n";
    assert_eq!(Schema::printed().refusal(&format!("{TINY}\n{sweep}")), None);
}

#[test]
fn what_is_no_key_or_no_value_is_refused() {
    let schema = Schema::printed();
    for (old, new) in [
        ("[train]", "[trian]"),
        ("batch_size", "bach_size"),
        ("std = 0.3", "sdt = 0.3"),
        ("seed = 5", "sed = 5"),
        ("steps = 12", "steps = \"twelve\""),
        ("steps = 12", "schedule = \"liner\""),
        ("steps = 12", "steps = -1"),
        ("kind = \"gmm\"", "kind = \"gnm\""),
        ("\"exact\"]", "\"exakt\"]"),
        ("hidden = [8, 8]", "hidden = [8, 8]\nwidth = 8"),
        ("iterations = 40", "iterations = 40\nepochs = 2"),
        ("name = \"tiny\"", ""),
        ("[metrics]", "[gaussianize]\nbandwidth = \"isk\"\n[metrics]"),
        ("[metrics]", "[gaussianize]\ncomponents = \"some\"\n[metrics]"),
        ("[metrics]", "[sweep]\n\"network.widht\" = [8]\n[metrics]"),
        ("[metrics]", "[sweep]\n\"network.width\" = []\n[metrics]"),
        ("[metrics]", "[[sweep.zip]]\n\"network.width\" = 8\n[metrics]"),
    ] {
        let changed = TINY.replacen(old, new, 1);
        assert_ne!(changed, TINY, "the change did not take");
        assert!(schema.refusal(&changed).is_some(), "`{new}` is not refused");
        assert!(gdiff::spec::read_text("spec", &changed, &[]).is_err(), "the reader takes `{new}`");
    }
}
