//! `gdiff init`: a commented spec to start from.

use super::init_table::{TableData, survey};
use super::{Failure, TableArgs, print};
use crate::metrics::scored::MetricsOptions;
use crate::report::note;
use crate::report::wrapped;
use crate::spec::{self, keys};
use clap::Args;
use std::io::Write;
use std::path::{Path, PathBuf};
use toml::Value;

/// `gdiff init`
#[derive(Debug, Args)]
pub struct InitArgs {
    /// File to write; one that is there is left alone [default: standard output]
    #[arg(value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// A table of points, for which the spec is to be
    #[arg(long, value_name = "TABLE")]
    pub from: Option<PathBuf>,
    /// How the table is read.
    #[command(flatten)]
    pub table: TableArgs,
}

pub(super) fn init(args: &InitArgs) -> Result<(), Failure> {
    if args.from.is_none() && args.table != TableArgs::default() {
        return Err(Failure::input(
            "--header, --delimiter, --columns and --missing say how a table is read; give one with --from",
        ));
    }
    let folder = args.file.as_deref().and_then(Path::parent).unwrap_or(Path::new(""));
    let table = args.from.as_ref().map(|table| survey(table, folder, &args.table)).transpose()?;
    let text = text(&name(args), table.as_ref());
    // What it writes, it reads.
    let shown = args.file.as_deref().unwrap_or(Path::new("the spec")).display().to_string();
    spec::read_text_in(folder, &shown, &text, &[])?;
    let Some(file) = &args.file else {
        print(&text)?;
        note("save it in a file, then type: gdiff run FILE");
        return Ok(());
    };
    write_new(file, &text)?;
    let typed = super::failures::words(["gdiff".into(), "run".into(), file.clone().into()]);
    print(&format!("{} is written; type next: {typed}\n", file.display()))
}

/// Writes a file that is not there yet, whole or not at all.
fn write_new(file: &Path, text: &str) -> Result<(), Failure> {
    let options = std::fs::OpenOptions::new().write(true).create_new(true).open(file);
    let mut out = options.map_err(|e| match e.kind() {
        std::io::ErrorKind::AlreadyExists => Failure::input(format!(
            "{} is there already, and is left as it is; choose another name",
            file.display()
        )),
        _ => Failure::running(format!("{} cannot be written: {e}", file.display())),
    })?;
    out.write_all(text.as_bytes()).and_then(|()| out.sync_all()).map_err(|e| {
        let _ = std::fs::remove_file(file);
        Failure::running(format!("{} cannot be written: {e}", file.display()))
    })
}

/// A name for the experiment: that of the file, else of the table.
fn name(args: &InitArgs) -> String {
    let stem = args.file.as_ref().or(args.from.as_ref()).and_then(|path| path.file_stem());
    let plain = |c: char| if c.is_ascii_alphanumeric() || matches!(c, '_' | '-') { c } else { '_' };
    let name: String = stem.unwrap_or_default().to_string_lossy().chars().map(plain).take(60).collect();
    if name.is_empty() { "first".to_string() } else { name }
}

/// Lines of a spec, each key beneath what it means.
struct Lines(String);

impl Lines {
    fn comment(&mut self, text: &str) {
        self.0 += &wrapped(text, "# ");
    }

    fn section(&mut self, heading: &str) {
        self.0 += &format!("\n{heading}\n");
    }

    /// A key with its value, beneath its meaning and its words.
    fn key(&mut self, path: &str, value: impl Into<Value>) {
        let key = keys().find(|key| key.path == path).expect("the key is one of a spec");
        let words: Vec<String> = key.values.iter().map(|(word, _)| format!("\"{word}\"")).collect();
        let words = if words.is_empty() { String::new() } else { format!(" ({})", words.join(", ")) };
        self.comment(&format!("{}{words}", key.about));
        let name = path.rsplit('.').next().unwrap_or(path);
        self.0 += &format!("{name} = {}\n", value.into());
    }
}

/// Points that are drawn for a first look.
const POINTS: i64 = 2000;

fn text(name: &str, table: Option<&TableData>) -> String {
    let mut lines = Lines(String::new());
    lines.comment(
        "An experiment of gdiff. Every key is here or has a default; `gdiff explain KEY` says what one means, and `gdiff check` what would run.",
    );
    lines.0 += "\n";
    lines.key("name", name);
    lines.key("seed", 0);
    lines.key("replicates", 3);
    let pipelines = ["baseline", "gaussianized"].into_iter().map(Value::from);
    let exact = table.is_none().then(|| Value::from("exact"));
    lines.key("pipelines", pipelines.chain(exact).collect::<Vec<_>>());
    lines.section("[data]");
    let points = match table {
        Some(table) => {
            lines.key("data.kind", "table");
            lines.key("data.path", table.path.as_str());
            table.seen.iter().for_each(|sentence| lines.comment(sentence));
            for (key, value) in &table.keys {
                lines.key(key, value.clone());
            }
            (table.held / 2).max(1).min(POINTS as usize) as i64
        }
        None => {
            lines.key("data.kind", "eight_gaussians");
            lines.key("data.samples", POINTS);
            POINTS
        }
    };
    if table.is_some() {
        lines.section("[gaussianize]");
        lines.key("gaussianize.coupling", "auto");
    }
    lines.section("[diffusion]");
    lines.key("diffusion.steps", 50);
    lines.section("[network]");
    lines.key("network.hidden", vec![Value::from(32), Value::from(64)]);
    lines.section("[train]");
    lines.key("train.iterations", 2000);
    lines.key("train.learning_rate", 1e-3);
    lines.section("[sample]");
    lines.key("sample.count", points);
    lines.key("sample.sampler", "ddpm");
    lines.section("[metrics]");
    lines.key("metrics.reference", points);
    if points > 1 && points <= MetricsOptions::default().k as i64 {
        lines.key("metrics.k", points - 1);
    }
    lines.key("metrics.every", 10);
    lines.0 += "\n";
    lines.comment("One spec, many runs: take the # away, and every width is trained.");
    lines.0 += "# [sweep]\n# \"network.width\" = [8, 16, 32]\n";
    lines.0
}
