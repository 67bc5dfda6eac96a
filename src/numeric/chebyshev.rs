//! Interpolation at Chebyshev nodes: the fixed matrices behind the piecewise polynomials.

use std::sync::OnceLock;

/// Interpolation nodes per piece.
pub const NODES: usize = 12;
/// Coefficients of the inverse's first guess.
pub const GUESS: usize = 8;

/// The Chebyshev-Lobatto nodes `-cos(pi r / 11)` on -1..1.
pub fn nodes() -> &'static [f64; NODES] {
    &tables().nodes
}

/// Matrices that every piece shares.
pub struct Tables {
    /// Interpolation nodes.
    pub nodes: [f64; NODES],
    /// Values at the nodes to Chebyshev coefficients.
    chebyshev: [[f64; NODES]; NODES],
    /// Chebyshev coefficients to powers of `t`.
    monomial: [[f64; NODES]; NODES],
    /// Chebyshev nodes for the first guess of the inverse.
    pub guess_nodes: [f64; GUESS],
    /// Values at those nodes to powers of `v`.
    pub guess: [[f64; GUESS]; GUESS],
}

/// The matrices, computed once per process.
pub fn tables() -> &'static Tables {
    static TABLES: OnceLock<Tables> = OnceLock::new();
    TABLES.get_or_init(|| {
        let last = NODES - 1;
        let angle = |r: usize| std::f64::consts::PI * (last - r) as f64 / last as f64;
        let nodes = std::array::from_fn(|r| {
            let mirrored = (angle(last - r).cos() - angle(r).cos()) * 0.5;
            -mirrored
        });
        let end = |k: usize| if k == 0 || k == last { 0.5 } else { 1.0 };
        let chebyshev = std::array::from_fn(|k| {
            std::array::from_fn(|r| 2.0 / last as f64 * end(k) * end(r) * (k as f64 * angle(r)).cos())
        });
        // Column k of `monomial` holds the powers of T_k = 2 t T_{k-1} - T_{k-2}.
        let mut monomial = [[0.0; NODES]; NODES];
        monomial[0][0] = 1.0;
        monomial[1][1] = 1.0;
        for k in 2..NODES {
            for p in 0..NODES {
                let raised = if p > 0 { 2.0 * monomial[p - 1][k - 1] } else { 0.0 };
                monomial[p][k] = raised - monomial[p][k - 2];
            }
        }
        let guess_angle = |r: usize| std::f64::consts::PI * (r as f64 + 0.5) / GUESS as f64;
        let guess_nodes = std::array::from_fn(|r| guess_angle(r).cos());
        let guess = std::array::from_fn(|p| {
            std::array::from_fn(|r| {
                let order = |k: usize| if k == 0 { 1.0 } else { 2.0 };
                let weight = |k: usize| order(k) / GUESS as f64 * (k as f64 * guess_angle(r)).cos();
                (0..GUESS).map(|k| monomial[p][k] * weight(k)).sum()
            })
        });
        Tables { nodes, chebyshev, monomial, guess_nodes, guess }
    })
}

fn times(matrix: &[[f64; NODES]; NODES], vector: &[f64; NODES]) -> [f64; NODES] {
    std::array::from_fn(|i| matrix[i].iter().zip(vector).map(|(a, b)| a * b).sum())
}

/// Chebyshev coefficients of the polynomial with these values at the nodes.
pub fn chebyshev(values: &[f64; NODES]) -> [f64; NODES] {
    times(&tables().chebyshev, values)
}

/// Coefficients of the powers of `t` from those of the Chebyshev polynomials.
pub fn monomial(coefficients: &[f64; NODES]) -> [f64; NODES] {
    times(&tables().monomial, coefficients)
}
