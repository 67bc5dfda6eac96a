//! The bandwidth of least expected squared error of Shimazaki & Shinomoto (2010).
//!
//! `C(h) = 1/n^2 sum_{i,j} K_{sqrt(2) h}(s_i - s_j) - 2/n^2 sum_{i != j} K_h(s_i - s_j)`, minimised over `h` from
//! `1e-3 std` to `2 std`. (With `n (n-1)` in the second term it would be least-squares cross-validation.)
//! Only differences matter: few points give theirs one by one, many are
//! spread linearly on a mesh whose autocorrelation (by FFT) counts the pairs at each lag. Linear
//! spreading widens the differences by a variance of `step^2 / 3`, which is taken off `h^2` again.

use std::f64::consts::PI;

use rustfft::FftPlanner;
use rustfft::num_complex::Complex;

use crate::numeric::minimum::golden_minimum;

/// Largest number of points whose pairs are all enumerated.
const EXACT: usize = 300;
/// Mesh points for more.
const MESH: usize = 1 << 14;
/// Candidates on the first, logarithmic grid.
const GRID: usize = 72;

/// Pairs `i < j` by their distance.
struct Pairs {
    n: f64,
    /// Ascending distances and how many pairs have each.
    lags: Vec<(f64, f64)>,
    /// Variance that binning has added to the differences.
    spread: f64,
}

/// The bandwidth for ascending `sorted` points with standard deviation `std`; `None` when the cost has
/// its minimum at the edge of the range.
pub fn bandwidth(sorted: &[f64], std: f64) -> Option<f64> {
    if sorted.len() < 2 || !(std > 0.0 && std.is_finite()) {
        return None;
    }
    let pairs = if sorted.len() <= EXACT { Pairs::exact(sorted) } else { Pairs::binned(sorted) };
    let candidate = |i: usize| std * (1e-3_f64.ln() + (2000.0_f64).ln() * i as f64 / (GRID - 1) as f64).exp();
    let floor = 4.0 * pairs.spread.sqrt();
    let costs: Vec<(f64, f64)> =
        (0..GRID).map(candidate).filter(|h| *h > floor).map(|h| (h, pairs.cost(h))).collect();
    let best = costs.iter().enumerate().min_by(|a, b| a.1.1.total_cmp(&b.1.1))?.0;
    let (low, high) = (costs.get(best.checked_sub(1)?)?.0, costs.get(best + 1)?.0);
    Some(golden_minimum(|log_h| pairs.cost(log_h.exp()), low.ln(), high.ln(), 1e-9).exp())
}

impl Pairs {
    fn exact(sorted: &[f64]) -> Self {
        let mut lags: Vec<(f64, f64)> = Vec::with_capacity(sorted.len() * (sorted.len() - 1) / 2);
        for (i, a) in sorted.iter().enumerate() {
            lags.extend(sorted[..i].iter().map(|b| (a - b, 1.0)));
        }
        lags.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        Self { n: sorted.len() as f64, lags, spread: 0.0 }
    }

    fn binned(sorted: &[f64]) -> Self {
        let n = sorted.len();
        let low = sorted[0];
        let step = (sorted[n - 1] - low) / (MESH - 2) as f64;
        let mut mesh = vec![Complex::new(0.0, 0.0); 2 * MESH];
        // What each point contributes to its own lags 0 and 1 is no pair.
        let (mut own0, mut own1) = (0.0, 0.0);
        for s in sorted {
            let place = (s - low) / step;
            let cell = (place as usize).min(MESH - 2);
            let upper = place - cell as f64;
            mesh[cell].re += 1.0 - upper;
            mesh[cell + 1].re += upper;
            own0 += upper * upper + (1.0 - upper) * (1.0 - upper);
            own1 += upper * (1.0 - upper);
        }
        let mut planner = FftPlanner::new();
        planner.plan_fft_forward(2 * MESH).process(&mut mesh);
        mesh.iter_mut().for_each(|v| *v = Complex::new(v.norm_sqr(), 0.0));
        planner.plan_fft_inverse(2 * MESH).process(&mut mesh);
        let scale = 1.0 / (2 * MESH) as f64;
        let count = |lag: usize| match lag {
            0 => 0.5 * (mesh[0].re * scale - own0),
            1 => mesh[1].re * scale - own1,
            _ => mesh[lag].re * scale,
        };
        let lags = (0..MESH).map(|lag| (lag as f64 * step, count(lag))).collect();
        Self { n: n as f64, lags, spread: step * step / 3.0 }
    }

    /// `C(h)`.
    fn cost(&self, h: f64) -> f64 {
        let sum = |variance: f64| {
            let variance = variance - self.spread;
            let reach = (2.0 * 45.0 * variance).sqrt();
            let near = &self.lags[..self.lags.partition_point(|(lag, _)| *lag <= reach)];
            let total: f64 =
                near.iter().map(|(lag, count)| count * (-0.5 * lag * lag / variance).exp()).sum();
            total / (2.0 * PI * variance).sqrt()
        };
        let itself = self.n / (4.0 * PI * h * h).sqrt();
        (itself + 2.0 * sum(2.0 * h * h)) / (self.n * self.n) - 4.0 * sum(h * h) / (self.n * self.n)
    }
}
