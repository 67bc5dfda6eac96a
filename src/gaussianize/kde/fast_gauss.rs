//! All kernel sums of one component at once, in time linear in the number of points.
//!
//! A one-dimensional fast Gauss transform. The line is cut into cells of half a bandwidth; each
//! occupied cell keeps its count and its first moments about its centre, and
//! `Phi(t - u) = Phi(t) - phi(t) sum_k He_{k-1}(t) u^k / k!` translates them to a target. With
//! `|u| <= 1/4` the term after the last one kept is below 1e-16 of the cell's count. Cells more than
//! nine bandwidths away contribute their whole count or nothing. Cells and targets lie on one grid, so the translation
//! matrices depend on the difference of cell numbers alone and are computed once per process.

use std::sync::OnceLock;

use crate::numeric::{chebyshev, normal};

/// Cells per bandwidth.
pub const PER_BANDWIDTH: f64 = 2.0;
/// Cells on either side that are summed exactly.
pub const REACH: i64 = 18;
const MOMENTS: usize = 16;
const NODES: usize = chebyshev::NODES;
const OFFSETS: usize = 2 * REACH as usize + 1;

/// Rows: `Phi(t)`, then `-phi(t) He_{k-1}(t)` for k = 1.., then `Phi(-t)`; one column per node.
type Translation = [[f64; NODES]; MOMENTS + 1];

struct Cell {
    index: i64,
    before: f64,
    /// `sum u^k / k!`.
    moments: [f64; MOMENTS],
}

/// The sums `sum_i Phi(+-(s - s_i)/h)` over one component's points.
pub struct FastGaussSums {
    origin: f64,
    bandwidth: f64,
    count: f64,
    cells: Vec<Cell>,
}

impl FastGaussSums {
    /// Sums over ascending `sorted`, cells counted from `origin`, which lies at or below the first point.
    pub fn new(sorted: &[f64], bandwidth: f64, origin: f64) -> Self {
        let mut cells: Vec<Cell> = Vec::new();
        for (rank, s) in sorted.iter().enumerate() {
            let place = (s - origin) / bandwidth * PER_BANDWIDTH;
            let index = place.floor() as i64;
            if cells.last().is_none_or(|cell| cell.index != index) {
                cells.push(Cell { index, before: rank as f64, moments: [0.0; MOMENTS] });
            }
            if let Some(cell) = cells.last_mut() {
                let u = (place - index as f64 - 0.5) / PER_BANDWIDTH;
                let mut power = 1.0;
                for m in &mut cell.moments {
                    *m += power;
                    power *= u;
                }
            }
        }
        for cell in &mut cells {
            let mut factorial = 1.0;
            for (k, m) in cell.moments.iter_mut().enumerate().skip(1) {
                factorial *= k as f64;
                *m /= factorial;
            }
        }
        Self { origin, bandwidth, count: sorted.len() as f64, cells }
    }

    /// Position of the lower end of cell `index`.
    pub fn lower_end(&self, index: i64) -> f64 {
        self.origin + index as f64 * (self.bandwidth / PER_BANDWIDTH)
    }

    /// Number of the last cell that holds a point.
    pub fn last(&self) -> i64 {
        self.cells.last().map_or(0, |cell| cell.index)
    }

    /// Runs `from..to` of cells within reach of a point, cut to `0..end`, ascending and apart.
    pub fn active_runs(&self, end: i64) -> Vec<(i64, i64)> {
        let mut runs: Vec<(i64, i64)> = Vec::new();
        for cell in &self.cells {
            let (from, to) = ((cell.index - REACH).max(0), (cell.index + REACH + 1).min(end));
            match runs.last_mut() {
                Some(run) if from <= run.1 => run.1 = to,
                _ => runs.push((from, to)),
            }
        }
        runs
    }

    /// `(F, 1 - F)` at the nodes of target cell `index`.
    pub fn at_nodes(&self, index: i64) -> ([f64; NODES], [f64; NODES]) {
        let (first, near) = self.near(index);
        let mut lower = [0.0; NODES];
        let mut upper = [0.0; NODES];
        let mut shared = [0.0; NODES];
        let table = translation_table();
        for cell in near {
            let Some(translation) = table.get((index - cell.index + REACH) as usize) else { continue };
            let count = cell.moments[0];
            for r in 0..NODES {
                lower[r] += count * translation[0][r];
                upper[r] += count * translation[MOMENTS][r];
            }
            for (m, row) in cell.moments[1..].iter().zip(&translation[1..MOMENTS]) {
                for r in 0..NODES {
                    shared[r] += m * row[r];
                }
            }
        }
        let (below, above) = self.outside(first, near);
        for r in 0..NODES {
            lower[r] = (below + lower[r] + shared[r]) / self.count;
            upper[r] = (above + upper[r] - shared[r]) / self.count;
        }
        (lower, upper)
    }

    /// `(F, 1 - F)` at any point.
    pub fn at(&self, s: f64) -> (f64, f64) {
        let place = (s - self.origin) / self.bandwidth * PER_BANDWIDTH;
        let (first, near) = self.near(place.floor() as i64);
        let (mut lower, mut upper, mut shared) = (0.0, 0.0, 0.0);
        for cell in near {
            let t = (place - cell.index as f64 - 0.5) / PER_BANDWIDTH;
            let column = translation_column(t);
            lower += cell.moments[0] * column[0];
            upper += cell.moments[0] * column[MOMENTS];
            shared += cell.moments[1..].iter().zip(&column[1..MOMENTS]).map(|(m, c)| m * c).sum::<f64>();
        }
        let (below, above) = self.outside(first, near);
        ((below + lower + shared) / self.count, (above + upper - shared) / self.count)
    }

    fn near(&self, index: i64) -> (usize, &[Cell]) {
        let from = self.cells.partition_point(|cell| cell.index < index - REACH);
        let to = self.cells.partition_point(|cell| cell.index <= index + REACH);
        (from, &self.cells[from..to])
    }

    /// Points in the cells below and above a run of near cells.
    fn outside(&self, first: usize, near: &[Cell]) -> (f64, f64) {
        let start = |i: usize| self.cells.get(i).map_or(self.count, |cell| cell.before);
        (start(first), self.count - start(first + near.len()))
    }
}

fn translation_column(t: f64) -> [f64; MOMENTS + 1] {
    let density = normal::pdf(t);
    let mut column = [0.0; MOMENTS + 1];
    column[0] = normal::cdf(t);
    column[MOMENTS] = normal::cdf(-t);
    let (mut previous, mut hermite) = (0.0, 1.0);
    for (k, slot) in column[1..MOMENTS].iter_mut().enumerate() {
        *slot = -density * hermite;
        (previous, hermite) = (hermite, t * hermite - k as f64 * previous);
    }
    column
}

fn translation_table() -> &'static [Translation] {
    static TABLE: OnceLock<Vec<Translation>> = OnceLock::new();
    TABLE.get_or_init(|| {
        let mut table = vec![[[0.0; NODES]; MOMENTS + 1]; OFFSETS];
        for (offset, translation) in (-REACH..=REACH).zip(&mut table) {
            for (r, node) in chebyshev::nodes().iter().enumerate() {
                let column = translation_column((offset as f64 + 0.5 * node) / PER_BANDWIDTH);
                for (row, value) in translation.iter_mut().zip(column) {
                    row[r] = value;
                }
            }
        }
        table
    })
}
