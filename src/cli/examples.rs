//! The examples at the end of each help. A test reads every one of them as a command line.

/// At the end of `gdiff --help`.
pub const ALL: &str = "\
Examples:
  gdiff init first.toml                a spec to start from
  gdiff check first.toml               what would run
  gdiff run first.toml --plot          run it, with figures and a page
  gdiff explain learning_rate          what a key of the spec means";

pub const INIT: &str = "\
Examples:
  gdiff init first.toml                         a spec to start from
  gdiff init mine.toml --from points.csv        for a table of one's own
  gdiff init                                    on standard output";

pub const EXPLAIN: &str = "\
Examples:
  gdiff explain                        all sections and keys
  gdiff explain train                  a section
  gdiff explain train.learning_rate    a key
  gdiff explain lr                     what other tools call so";

pub const RUN: &str = "\
Examples:
  gdiff run first.toml
  gdiff run first.toml train.learning_rate=3e-4 network.hidden='[64, 64]' --out results/wide
  gdiff run first.toml --set train.isotropy=unset --jobs 4 --plot";

pub const CHECK: &str = "\
Examples:
  gdiff check first.toml
  gdiff check first.toml sample.sampler=ddim sample.steps=10
  gdiff check first.toml --replicates-for 0.05";

pub const DATA: &str = "\
Examples:
  gdiff data first.toml --count 1000 --out points.csv
  gdiff data first.toml --stream fresh";

pub const SAMPLE: &str = "\
Examples:
  gdiff sample results/first/runs/baseline-r0 --count 5000 --out more.csv
  gdiff sample results/first/runs/baseline-r0 --sampler ddim --steps 10 sample.eta=0.5";

pub const LIKELIHOOD: &str = "\
Examples:
  gdiff likelihood results/first/runs/baseline-r0 results/first/runs/gaussianized-r0
  gdiff likelihood results/first/runs/baseline-r0 --data held_out.csv --out scores.csv
  gdiff likelihood results/digits/runs/baseline-r0 --bits-per-dim";

pub const ISOTROPY: &str = "\
Examples:
  gdiff isotropy results/swiss_roll/runs/baseline-r0
  gdiff isotropy results/swiss_roll/runs/baseline-r0 results/swiss_roll/runs/baseline-r1 --out scales.csv";

pub const METRICS: &str = "\
Examples:
  gdiff metrics real.csv fake.csv
  gdiff metrics real.npy fake.npy --k 3 --json
  gdiff metrics real.csv fake.csv --columns x,y --spec first.toml
  gdiff metrics real_images.npy fake_images.npy --features random --frechet --kid";

pub const CONTROLS: &str = "\
Examples:
  gdiff controls configs/images/real_controls.toml
  gdiff controls configs/images/real_controls.toml --count 100,200,400 --features random --frechet --out controls.csv";

pub const FIT: &str = "\
Examples:
  gdiff gaussianize fit points.csv --out map.safetensors
  gdiff gaussianize fit points.csv --out map.safetensors --coupling marginal --rotation ica --report fit.csv";

pub const APPLY: &str = "\
Examples:
  gdiff gaussianize apply map.safetensors points.csv --out z.csv";

pub const INVERT: &str = "\
Examples:
  gdiff gaussianize invert map.safetensors z.csv --out points.csv";

#[cfg(feature = "figures")]
pub const MAP_REPORT: &str = "\
Examples:
  gdiff gaussianize report map.safetensors fresh.csv --out map.html";

pub const MAP_SAMPLE: &str = "\
Examples:
  gdiff gaussianize sample map.safetensors --count 1000 --out new.csv";

pub const SCORE: &str = "\
Examples:
  gdiff gaussianize score map.safetensors points.csv --out log_density.csv";

pub const GAUSSIANIZE: &str = "\
Examples:
  gdiff gaussianize fit points.csv --out map.safetensors
  gdiff gaussianize apply map.safetensors points.csv --out z.csv";

pub const SWEEP: &str = "\
Examples:
  gdiff sweep plan widths.toml --out results/widths
  gdiff sweep submit results/widths --partition short --time 1:00:00
  gdiff sweep collect results/widths";

pub const PLAN: &str = "\
Examples:
  gdiff sweep plan widths.toml --out results/widths
  gdiff sweep plan widths.toml replicates=20 --out results/widths";

pub const EXEC: &str = "\
Examples:
  gdiff sweep exec results/widths --index 0 --count 8";

pub const COLLECT: &str = "\
Examples:
  gdiff sweep collect results/widths";

pub const SUBMIT: &str = "\
Examples:
  gdiff sweep submit results/widths --partition short --time 1:00:00 --per-task 10
  gdiff sweep submit results/cifar10 --gpus 1 --cpus 4 --time 3-00:00:00
  gdiff sweep submit results/widths --dry-run -- --mem=4G";

pub const STATUS: &str = "\
Examples:
  gdiff sweep status results/widths";

pub const LS: &str = "\
Examples:
  gdiff ls results/first";

pub const COMPARE: &str = "\
Examples:
  gdiff compare results/first results/wide
  gdiff compare results/first results/wide --metric recall --csv differences.csv";

pub const VERIFY: &str = "\
Examples:
  gdiff verify results/first";

pub const SCHEMA: &str = "\
Examples:
  gdiff schema";

#[cfg(feature = "figures")]
pub const PLOT: &str = "\
Examples:
  gdiff plot results/first
  gdiff plot results/first --out figures --dark";

pub const COMPLETIONS: &str = "\
Examples:
  gdiff completions bash";

pub const MAN: &str = "\
Examples:
  gdiff man
  gdiff man --dir man";
