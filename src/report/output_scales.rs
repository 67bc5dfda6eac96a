//! By how much the isotropy term scaled the predictions of runs, as a table.

use super::comparison::Estimate;
use super::narrow_table::narrow_table;
use super::visible::visible_cell;
use crate::numeric::intervals::mean_interval;
use crate::run::OutputScale;

/// Digits after the point.
const DIGITS: usize = 4;

/// A line for each pipeline and lambda of the loss: what the loss asks for, and the measured scale over that of the plain
/// network of the same replicate where it is among the runs.
pub fn output_scales_text(runs: &[OutputScale]) -> String {
    let of_loss = |run: &&OutputScale| !run.control && run.epsilon_scale == 1.0;
    let plain = |run: &OutputScale| {
        let own = |other: &&OutputScale| {
            other.lambda == 0.0 && (&other.pipeline, other.replicate) == (&run.pipeline, run.replicate)
        };
        runs.iter().filter(of_loss).find(own).map(|other| other.output_scale)
    };
    let mut lines: Vec<(&str, f64)> = Vec::new();
    for run in runs.iter().filter(of_loss) {
        let line = (run.pipeline.as_str(), run.lambda);
        if !lines.contains(&line) {
            lines.push(line);
        }
    }
    lines.sort_by(|a, b| a.0.cmp(b.0).then(a.1.total_cmp(&b.1)));
    let cells = |(pipeline, lambda): (&str, f64)| {
        let own: Vec<&OutputScale> = runs
            .iter()
            .filter(of_loss)
            .filter(|run| (run.pipeline.as_str(), run.lambda) == (pipeline, lambda))
            .collect();
        let mean = |of: &dyn Fn(&OutputScale) -> Option<f64>| -> String {
            let values: Vec<f64> = own.iter().filter_map(|run| of(run)).collect();
            let mean = values.iter().sum::<f64>() / values.len() as f64;
            if values.is_empty() { String::new() } else { format!("{mean:.DIGITS$}") }
        };
        let estimate = |values: Vec<f64>| match mean_interval(&values) {
            Some(interval) => {
                let ends = interval.ends_within((f64::NEG_INFINITY, f64::INFINITY));
                Estimate { mean: interval.mean, interval: ends, replicates: interval.n }.text(DIGITS)
            }
            None => String::new(),
        };
        let ratios = own.iter().filter_map(|run| Some(run.output_scale / plain(run)?)).collect();
        vec![
            visible_cell(pipeline).into_owned(),
            lambda.to_string(),
            mean(&|run| run.optimal_scale),
            mean(&|run| run.optimal_scale_of_batches),
            estimate(own.iter().map(|run| run.output_scale).collect()),
            if lambda == 0.0 { String::new() } else { estimate(ratios) },
            own.len().to_string(),
        ]
    };
    let header =
        ["pipeline", "lambda", "asked for", "with these batches", "measured", "over lambda = 0", "runs"];
    let table = narrow_table(header.map(str::to_string).to_vec(), lines.into_iter().map(cells).collect());
    format!(
        "{table}\n\n\
         The factor s by which the batch form of the isotropy term scales the predictions of the simple loss.\n\
         asked for: the loss's optimum with batches of endless size, and with those of the spec.\n\
         measured: E|eps_theta|^2 / E<eps_theta, eps>, 1 at the optimum of the simple loss.\n\
         +- is half of a 95 % interval over the runs (Student's t).\n"
    )
}
