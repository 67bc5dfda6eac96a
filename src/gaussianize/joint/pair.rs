//! Two components at once: the Knothe-Rosenblatt map of a bilinear density on a grid.
//!
//! `z_a = Phi^-1(F(a))`, `z_b = Phi^-1(F(b | a))`. The density is bilinear between the nodes of a regular
//! grid, so the marginal of `a` and the conditional of `b` given `a` are piecewise linear, their CDFs
//! piecewise quadratic, and the inverse needs no iteration: a binary search and a quadratic equation. The
//! map is the exact transport of that density, whatever modes and gaps it has. It removes all dependence within the pair
//! in one step; marginal maps leave probability mass between the modes.
//!
//! Both tails of each CDF are summed from their own end. Outside the grid, where a fraction `tail`
//! of the mass lies beyond each end, `z` continues with derivative 1 (components have standard deviation 1) and the
//! conditional is that of the edge.

use crate::numeric::normal;

/// A regular grid on one axis.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Axis {
    /// First node.
    pub low: f64,
    /// Distance between nodes.
    pub step: f64,
    /// Number of nodes, at least 2.
    pub nodes: usize,
}

impl Axis {
    fn at(&self, node: usize) -> f64 {
        self.low + node as f64 * self.step
    }

    fn high(&self) -> f64 {
        self.at(self.nodes - 1)
    }

    /// Cell and position in it (0 to 1) of `x`, clamped to the grid.
    #[inline]
    fn place(&self, x: f64) -> (usize, f64) {
        let u = (x - self.low) / self.step;
        let cell = (u as usize).min(self.nodes - 2);
        (cell, (u - cell as f64).clamp(0.0, 1.0))
    }
}

/// The map of a pair of components and its inverse.
#[derive(Clone, Debug, PartialEq)]
pub struct PairMap {
    pub(crate) a: Axis,
    pub(crate) b: Axis,
    /// Mass beyond each end of the grid.
    pub(crate) tail: f64,
    /// `z` at the lower end of each axis; minus that at the upper one.
    edge: f64,
    /// Density at the nodes, `b` running fastest.
    pub(crate) density: Vec<f64>,
    /// Integral over `b` below and above each node, at each node of `a`.
    rows: Vec<[f64; 2]>,
    /// Integral over all `b` at each node of `a`, and its own integrals below and above.
    margin: Vec<f64>,
    sides: Vec<[f64; 2]>,
}

/// A piecewise linear density on one axis; its values and masses at the nodes are read through closures.
struct Line<D: Fn(usize) -> f64, M: Fn(usize) -> [f64; 2]> {
    axis: Axis,
    tail: f64,
    edge: f64,
    density: D,
    /// Mass below and above a node.
    mass: M,
    total: f64,
}

impl<D: Fn(usize) -> f64, M: Fn(usize) -> [f64; 2]> Line<D, M> {
    /// `(z, log dz/dx)`.
    #[inline]
    fn forward(&self, x: f64) -> (f64, f64) {
        if x < self.axis.low {
            return ((self.edge + (x - self.axis.low)).max(f64::MIN), 0.0);
        }
        let high = self.axis.high();
        if x > high {
            return ((-self.edge + (x - high)).min(f64::MAX), 0.0);
        }
        let (cell, s) = self.axis.place(x);
        let (left, right) = ((self.density)(cell), (self.density)(cell + 1));
        let here = left + (right - left) * s;
        let below = (self.mass)(cell)[0] + 0.5 * self.axis.step * s * (left + here);
        let above = (self.mass)(cell + 1)[1] + 0.5 * self.axis.step * (1.0 - s) * (here + right);
        let scale = (1.0 - 2.0 * self.tail) / self.total;
        let z = normal::quantile(self.tail + scale * below, self.tail + scale * above);
        (z + 0.0 * x, (scale * here).ln() - normal::log_pdf(z))
    }

    #[inline]
    fn inverse(&self, z: f64) -> f64 {
        if z < self.edge {
            return (self.axis.low + (z - self.edge)).max(f64::MIN);
        }
        if z > -self.edge {
            return (self.axis.high() + (z + self.edge)).min(f64::MAX);
        }
        let scale = self.total / (1.0 - 2.0 * self.tail);
        let lower = z < 0.0;
        let wanted = ((normal::cdf(-z.abs()) - self.tail) * scale).max(0.0);
        // The last cell with no more mass on this side than wanted.
        let (mut from, mut to) = (0, self.axis.nodes - 1);
        while to - from > 1 {
            let middle = (from + to) / 2;
            let mass = (self.mass)(middle);
            let go_up = if lower { mass[0] <= wanted } else { mass[1] > wanted };
            if go_up { from = middle } else { to = middle }
        }
        let (left, right) = ((self.density)(from), (self.density)(to));
        let fraction = |near: f64, far: f64, mass: f64| {
            let rest = ((wanted - mass) / self.axis.step).max(0.0);
            let root = (near * near + 2.0 * (far - near) * rest).max(0.0).sqrt();
            if near + root > 0.0 { (2.0 * rest / (near + root)).min(1.0) } else { 0.5 }
        };
        let s = if lower {
            fraction(left, right, (self.mass)(from)[0])
        } else {
            1.0 - fraction(right, left, (self.mass)(to)[1])
        };
        self.axis.low + (from as f64 + s) * self.axis.step + 0.0 * z
    }
}

impl PairMap {
    /// The map for densities at the nodes (`b` running fastest, any scale) and the mass `tail` beyond each
    /// end; `None` unless all is positive and finite.
    pub fn new(a: Axis, b: Axis, tail: f64, density: Vec<f64>) -> Option<Self> {
        let sound = |axis: &Axis| {
            axis.nodes >= 2 && axis.low.is_finite() && axis.step > 0.0 && axis.high().is_finite()
        };
        let good = sound(&a)
            && sound(&b)
            && tail > 0.0
            && tail < 0.25
            && a.nodes.checked_mul(b.nodes) == Some(density.len())
            && density.iter().all(|v| *v > 0.0 && v.is_finite());
        if !good {
            return None;
        }
        let mut rows = vec![[0.0; 2]; density.len()];
        let mut margin = Vec::with_capacity(a.nodes);
        for (row, density) in rows.chunks_exact_mut(b.nodes).zip(density.chunks_exact(b.nodes)) {
            accumulate(row, density, b.step);
            margin.push(row[b.nodes - 1][0]);
        }
        let mut sides = vec![[0.0; 2]; a.nodes];
        accumulate(&mut sides, &margin, a.step);
        if !sides[a.nodes - 1][0].is_finite() {
            return None;
        }
        let edge = normal::quantile(tail, 1.0 - tail);
        Some(Self { a, b, tail, edge, density, rows, margin, sides })
    }

    /// Nodes of both axes.
    pub fn nodes(&self) -> (usize, usize) {
        (self.a.nodes, self.b.nodes)
    }

    /// `(z_a, z_b, log |det J|)` at any finite point; NaN stays NaN.
    #[inline]
    pub fn forward(&self, a: f64, b: f64) -> (f64, f64, f64) {
        let (z_a, log_a) = self.first().forward(a);
        let (z_b, log_b) = self.second(a).forward(b);
        (z_a, z_b, log_a + log_b)
    }

    /// The point `(a, b)` with these `z`.
    #[inline]
    pub fn inverse(&self, z_a: f64, z_b: f64) -> (f64, f64) {
        let a = self.first().inverse(z_a);
        (a, self.second(a).inverse(z_b))
    }

    fn first(&self) -> Line<impl Fn(usize) -> f64, impl Fn(usize) -> [f64; 2]> {
        Line {
            axis: self.a,
            tail: self.tail,
            edge: self.edge,
            density: |node| self.margin[node],
            mass: |node| self.sides[node],
            total: self.sides[self.a.nodes - 1][0],
        }
    }

    /// The conditional of `b` given `a`: rows of the two nodes beside `a`, mixed linearly.
    #[inline]
    fn second(&self, a: f64) -> Line<impl Fn(usize) -> f64, impl Fn(usize) -> [f64; 2]> {
        let (cell, right) = self.a.place(a);
        let (left, nodes) = (1.0 - right, self.b.nodes);
        let span = |node: usize| node * nodes..(node + 1) * nodes;
        let (d0, d1) = (&self.density[span(cell)], &self.density[span(cell + 1)]);
        let (m0, m1) = (&self.rows[span(cell)], &self.rows[span(cell + 1)]);
        Line {
            axis: self.b,
            tail: self.tail,
            edge: self.edge,
            density: move |node: usize| left * d0[node] + right * d1[node],
            mass: move |node: usize| {
                let (p, q) = (m0[node], m1[node]);
                [left * p[0] + right * q[0], left * p[1] + right * q[1]]
            },
            total: left * self.margin[cell] + right * self.margin[cell + 1],
        }
    }
}

/// Masses below and above each node of a piecewise linear density.
fn accumulate(masses: &mut [[f64; 2]], density: &[f64], step: f64) {
    let cell = |node: usize| 0.5 * step * (density[node] + density[node + 1]);
    let last = density.len() - 1;
    masses[0][0] = 0.0;
    masses[last][1] = 0.0;
    for node in 0..last {
        masses[node + 1][0] = masses[node][0] + cell(node);
    }
    for node in (0..last).rev() {
        masses[node][1] = masses[node + 1][1] + cell(node);
    }
}
