//! The improved Sheather-Jones bandwidth: the fixed point of Botev, Grotowski & Kroese (2010).
//!
//! The data are binned on a mesh over their range and a tenth more on each side; their discrete cosine
//! transform gives the functionals `||f^(s)||^2` of the diffusion estimator in closed form, and the
//! bandwidth is `sqrt(t) R` with `t = xi gamma^[7](t)`.

use std::f64::consts::PI;
use std::sync::{Arc, OnceLock};

use rustfft::num_complex::Complex;
use rustfft::{Fft, FftPlanner};

/// Mesh points.
const MESH: usize = 1 << 14;
/// Stages of the plug-in recursion.
const STAGES: i32 = 7;
/// Largest `t` that is looked at: a bandwidth of a third of the mesh.
const LARGEST: f64 = 0.1;

/// The bandwidth for ascending `sorted` points, `None` when the equation has no root.
pub fn bandwidth(sorted: &[f64]) -> Option<f64> {
    let (first, last) = (*sorted.first()?, *sorted.last()?);
    let range = last - first;
    if !(range > 0.0 && range.is_finite()) {
        return None;
    }
    let (low, width) = (first - 0.1 * range, 1.2 * range);
    let step = width / MESH as f64;
    let n = sorted.len() as f64;
    let mut mass = vec![0.0; MESH];
    for s in sorted {
        mass[(((s - low) / step) as usize).min(MESH - 1)] += 1.0 / n;
    }
    let unique = 1 + sorted.windows(2).filter(|w| w[0] < w[1]).count();
    let squares: Vec<f64> = cosine_transform(&mass).into_iter().skip(1).map(|a| a * a).collect();
    let residual = |t: f64| t - plug_in(&squares, unique as f64, t);

    let mut high = 1e-8 + 0.01 * (unique.clamp(50, 1050) as f64 - 50.0) / 1000.0;
    while residual(high).is_nan() || residual(high) <= 0.0 {
        if high >= LARGEST {
            return None;
        }
        high = (2.0 * high).min(LARGEST);
    }
    let mut low = high;
    while residual(low) > 0.0 {
        high = low;
        low *= 0.7;
        if low < 1e-14 {
            return None;
        }
    }
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if residual(middle) > 0.0 {
            high = middle;
        } else {
            low = middle;
        }
        if high - low <= 1e-14 * high {
            break;
        }
    }
    Some((0.5 * (low + high)).sqrt() * width)
}

/// `xi gamma^[l](t)`.
fn plug_in(squares: &[f64], n: f64, t: f64) -> f64 {
    let functional = |s: i32, t: f64| {
        // Terms beyond exp(-100) of the largest are nothing beside it.
        let last = ((100.0 / (PI * PI * t)).sqrt() + 2.0 * f64::from(s)).min(squares.len() as f64) as usize;
        let sum: f64 = squares[..last]
            .iter()
            .enumerate()
            .map(|(i, a)| {
                let k2 = ((i + 1) * (i + 1)) as f64;
                k2.powi(s) * a * (-k2 * PI * PI * t).exp()
            })
            .sum();
        2.0 * PI.powi(2 * s) * sum
    };
    let mut f = functional(STAGES, t);
    for s in (2..STAGES).rev() {
        let odd: f64 = (1..2 * s).step_by(2).map(f64::from).product();
        let k0 = odd / (2.0 * PI).sqrt();
        let c = (1.0 + 0.5_f64.powf(f64::from(s) + 0.5)) / 3.0;
        let time = (2.0 * c * k0 / n / f).powf(2.0 / (3.0 + 2.0 * f64::from(s)));
        f = functional(s, time);
    }
    (2.0 * n * PI.sqrt() * f).powf(-0.4)
}

/// `sum_j x_j cos(pi k (2 j + 1) / (2 MESH))` for every k.
fn cosine_transform(x: &[f64]) -> Vec<f64> {
    static PLAN: OnceLock<Arc<dyn Fft<f64>>> = OnceLock::new();
    let plan = PLAN.get_or_init(|| FftPlanner::new().plan_fft_forward(MESH));
    let even = x.iter().step_by(2);
    let odd = x.iter().skip(1).step_by(2).rev();
    let mut buffer: Vec<Complex<f64>> = even.chain(odd).map(|v| Complex::new(*v, 0.0)).collect();
    plan.process(&mut buffer);
    let turn = |k: usize| Complex::from_polar(1.0, -PI * k as f64 / (2 * MESH) as f64);
    buffer.iter().enumerate().map(|(k, v)| (v * turn(k)).re).collect()
}
