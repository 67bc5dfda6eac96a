//! What the evaluations of a network while it trains need of the other sections.

use super::error::SpecError;
use super::file::SpecFile;
use super::pipelines::Pipeline;
use super::plan::DataPlan;
use super::ranges::Checker;
use crate::space::TransformOptions;

/// Refuses evaluations of too few points, and of bits/dim where there are none.
pub fn evaluate(
    check: &Checker,
    file: &SpecFile,
    data: &DataPlan,
    pipelines: &[Pipeline],
    warnings: &mut Vec<String>,
) -> Result<(), SpecError> {
    let Some(evaluate) = file.train.evaluate else { return Ok(()) };
    check.require(!file.metrics.prdc || evaluate.count > file.metrics.k, "train.evaluate.count", || {
        format!(
            "`train.evaluate.count` is {}, but PRDC needs more points than `metrics.k`, which is {}",
            evaluate.count, file.metrics.k
        )
    })?;
    match evaluate.bits_per_dim {
        0 => Ok(()),
        _ => bits_per_dim(check, file, data, pipelines, warnings),
    }
}

/// Refuses bits/dim of what is no image of bytes, and says which pipelines have none.
fn bits_per_dim(
    check: &Checker,
    file: &SpecFile,
    data: &DataPlan,
    pipelines: &[Pipeline],
    warnings: &mut Vec<String>,
) -> Result<(), SpecError> {
    let key = "train.evaluate.bits_per_dim";
    check.require(data.source.image_shape().is_some(), key, || {
        format!("`{key}` is of images of bytes, and the data are none; leave it out")
    })?;
    check.require(file.diffusion.steps > 1, key, || {
        format!("`{key}` needs `diffusion.steps` of 2 or more: the variance of the last step is that of the second")
    })?;
    let trained = || pipelines.iter().filter(|pipeline| pipeline.is_trained());
    let mixing = |pipeline: &&Pipeline| !pipeline.space.iter().all(TransformOptions::is_scaling);
    let without: Vec<&str> = trained().filter(mixing).map(|pipeline| pipeline.name.as_str()).collect();
    check.require(without.is_empty() || without.len() < trained().count(), key, || {
        format!("`{key}` is asked for, but no pipeline with a network has bits/dim: their spaces mix or bend pixels, so the bins of a byte are no intervals there; take the pipeline \"baseline\", or leave the key out")
    })?;
    if !without.is_empty() {
        warnings.push(format!(
            "{key}: {} without bits/dim, because the space mixes or bends pixels",
            match without.as_slice() {
                [one] => format!("the pipeline {one} is"),
                all => format!("the pipelines {} are", all.join(", ")),
            }
        ));
    }
    Ok(())
}
