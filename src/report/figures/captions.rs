//! Captions of figures: the names of pipelines, and the setting below each title.

use super::results::Results;
use crate::data::source::Source;
use crate::diffusion::SamplerKind;
use crate::spec::Plan;

/// The name of a pipeline as figures write it.
pub fn pipeline_name(name: &str) -> &str {
    match name {
        "gaussianized" => "Gaussianized",
        "ica_kde" => "ICA + KDE",
        "exact" => "exact denoiser",
        "data" => "real points",
        other => other,
    }
}

/// A whole number with commas: `10,000`.
pub fn count(n: usize) -> String {
    let digits = n.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Name and setting of a study in one line.
pub fn setting(results: &Results) -> String {
    let (name, details) = (results.name(), details(results));
    if details.is_empty() { name } else { format!("{name} · {details}") }
}

/// The setting of a study in one line; what its sweep varies is left out.
pub fn details(results: &Results) -> String {
    let Some(study) = &results.study else { return String::new() };
    let plan = &study.base;
    let swept = |section: &str| results.keys.iter().any(|key| key.starts_with(section));
    let mut parts = Vec::new();
    if !swept("data.") {
        parts.push(data(plan));
    }
    if !swept("network.") {
        let title = plan.network.title();
        parts.push(if plan.network.kind.is_mlp() { format!("network {title}") } else { title });
    }
    if !swept("train.epochs") && !swept("train.iterations") {
        parts.push(format!("{} training iterations", count(plan.iterations)));
    }
    if !swept("diffusion.") {
        parts.push(format!("T = {}", count(plan.schedule.steps())));
    }
    let usual = plan.sample.options.sampler == SamplerKind::Ddpm && plan.sample.takes_every_step();
    if !swept("sample.") && !usual {
        parts.push(format!("{}, {} steps", plan.sample.options.sampler.title(), plan.sample.steps));
    }
    if plan.replicates > 1 {
        parts.push(format!("{} replicates", plan.replicates));
    }
    parts.join(" · ")
}

fn data(plan: &Plan) -> String {
    let dim = plan.data.source.dim();
    let what = match &plan.data.source {
        Source::Mixture(mixture) => format!("mixture of {} Gaussians in {dim}-D", mixture.len()),
        _ => format!("{dim}-D data"),
    };
    format!("{what}, {} points", count(plan.data.samples))
}

#[cfg(test)]
mod tests {
    use super::count;

    #[test]
    fn thousands_have_commas() {
        assert_eq!([0, 999, 1000, 1_234_567].map(count), ["0", "999", "1,000", "1,234,567"]);
    }
}
