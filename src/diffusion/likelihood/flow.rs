//! The probability-flow equation with the divergence, by the classical Runge-Kutta method of order 4.

use crate::diffusion::denoiser::{NoiseField, Probes};

/// The flow at one place of the grid.
pub(super) struct Node<'a> {
    /// `sqrt(1 - abar)`.
    pub sigma: f64,
    /// The predicted noise there.
    pub field: Box<dyn NoiseField + 'a>,
}

/// Takes points `x` `(n, d)` along the flow from the first node to the last, and gives the integrals of the divergence
/// along their ways, `(n, estimates)`. A step goes over three nodes: its beginning, its middle, its end; its length in
/// lambda is `h`.
///
/// # Formula
///
/// In `lambda = log sqrt(abar / (1 - abar))`, with `sigma = sqrt(1 - abar)`, the flow
/// `dx / dtau = -beta/2 (x + s)`, `s = -eps / sigma`, is `dx / dlambda = f = sigma (sigma x - eps)`, and
/// `div f = sigma (d sigma - div eps)`. Both stay small where nearly all is noise, and `eps` nearly `sigma x`.
pub(super) fn solve(nodes: &[&Node], h: f64, d: usize, probes: Probes, x: &mut [f64]) -> Vec<f64> {
    let (n, estimates) = (x.len() / d, probes.estimates());
    let mut integral = vec![0.0; n * estimates];
    let (mut eps, mut divergence) = (vec![0.0; n * d], vec![0.0; n * estimates]);
    let (mut at, mut f) = (vec![0.0; n * d], vec![0.0; n * d]);
    let mut sum = vec![0.0; n * d];
    for step in nodes.windows(3).step_by(2) {
        sum.fill(0.0);
        // Which node, how far the stage lies along the slope before, and its weight.
        for (stage, (node, along, weight)) in
            [(step[0], 0.0, 1.0), (step[1], 0.5, 2.0), (step[1], 0.5, 2.0), (step[2], 1.0, 1.0)]
                .into_iter()
                .enumerate()
        {
            let sigma = node.sigma;
            match stage {
                0 => at.copy_from_slice(x),
                _ => at.iter_mut().zip(&*x).zip(&f).for_each(|((at, x), f)| *at = x + along * h * f),
            }
            node.field.evaluate(&at, probes, &mut eps, &mut divergence);
            f.iter_mut().zip(&at).zip(&eps).for_each(|((f, x), eps)| *f = sigma * (sigma * x - eps));
            sum.iter_mut().zip(&f).for_each(|(sum, f)| *sum += weight * f);
            let weight = weight * h / 6.0;
            integral
                .iter_mut()
                .zip(&divergence)
                .for_each(|(total, div)| *total += weight * sigma * (d as f64 * sigma - div));
        }
        x.iter_mut().zip(&sum).for_each(|(x, sum)| *x += h / 6.0 * sum);
    }
    integral
}
