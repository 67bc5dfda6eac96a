//! The products of a few rows with the columns of a tile in single precision, small enough to stay in the nearest cache, and
//! the search for those that may be near.

use pulp::{Arch, Simd, WithSimd};

use super::tiles::{PANEL, Tile};

/// Rows of a block: with two vectors of columns, their sums stay in registers.
pub(super) const ROWS: usize = 6;

/// Limits of rows that look for nothing.
pub(super) const NOTHING: [f32; ROWS] = [f32::NEG_INFINITY; ROWS];

/// The coordinates of a tile's points as rows: six points after six points, coordinate after coordinate.
pub(super) struct PackedRows {
    values: Vec<[f32; ROWS]>,
    d: usize,
}

impl PackedRows {
    pub fn new(tile: &Tile, d: usize) -> Self {
        let mut values = vec![[0.0; ROWS]; tile.len().div_ceil(ROWS) * d];
        for (group, values) in values.chunks_exact_mut(d).enumerate() {
            for lane in 0..ROWS.min(tile.len() - group * ROWS) {
                let place = group * ROWS + lane;
                let panel = &tile.coordinates[place / PANEL * d..][..d];
                values.iter_mut().zip(panel).for_each(|(out, from)| out[lane] = from[place % PANEL]);
            }
        }
        Self { values, d }
    }

    /// Number of groups of six.
    pub fn groups(&self) -> usize {
        self.values.len() / self.d
    }

    /// The coordinates of six points.
    pub fn group(&self, group: usize) -> &[[f32; ROWS]] {
        &self.values[group * self.d..][..self.d]
    }
}

/// The products of six rows with the columns of a tile, and which of them may be near.
#[derive(Default)]
pub(super) struct Block {
    /// Row after row.
    products: Vec<f32>,
    columns: usize,
    near: Vec<(usize, usize)>,
}

impl Block {
    /// `sum_c rows[c] columns[c]` of six rows and whole panels of columns.
    pub fn multiply(&mut self, rows: &[[f32; ROWS]], panels: &[[f32; PANEL]]) {
        self.columns = panels.len() / rows.len() * PANEL;
        self.products.resize(ROWS * self.columns, 0.0);
        Arch::new().dispatch(Multiply { rows, panels, products: &mut self.products });
    }

    /// The product of a row and a column.
    pub fn product(&mut self, row: usize, column: usize) -> &mut f32 {
        &mut self.products[row * self.columns + column]
    }

    /// Finds the pairs with `row + column - product` at most as large as the column's limit, or as the row's where the
    /// column is open. `rows` are the lower bounds of half squared norms and the limits, `columns` the lower bounds, limits,
    /// and what is infinite where the column is open and else minus infinity.
    pub fn find_near(&mut self, rows: (&[f32], &[f32]), columns: (&[f32], &[f32], &[f32])) {
        self.near.clear();
        Arch::new().dispatch(FindNear { products: &self.products, rows, columns, near: &mut self.near });
    }

    /// The pairs that were found, with their products.
    pub fn near(&self) -> impl Iterator<Item = (usize, usize, f32)> + '_ {
        self.near.iter().map(|(row, column)| (*row, *column, self.products[row * self.columns + column]))
    }

    /// An upper bound of the `k`-th smallest `row + column - product` of a row: the `k`-th smallest of the smallest of each
    /// of sixteen parts of the columns; infinite where `k` is larger.
    pub fn kth_smallest_at_most(&self, row: usize, upper: f32, columns: &[f32], k: usize) -> f32 {
        let mut least = [f32::INFINITY; PANEL];
        let (panels, products) =
            (columns.as_chunks::<PANEL>().0, self.products[row * self.columns..].as_chunks::<PANEL>().0);
        for (columns, products) in panels.iter().zip(products) {
            for l in 0..PANEL {
                let value = upper + columns[l] - products[l];
                least[l] = if value < least[l] { value } else { least[l] };
            }
        }
        least.sort_unstable_by(f32::total_cmp);
        least.get(k - 1).copied().unwrap_or(f32::INFINITY)
    }
}

struct Multiply<'a> {
    rows: &'a [[f32; ROWS]],
    panels: &'a [[f32; PANEL]],
    products: &'a mut [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        let Self { rows, panels, products } = self;
        let d = rows.len();
        let vectors = panels.len() / d * PANEL / S::F32_LANES;
        let of = |vector: usize| {
            let parts = PANEL / S::F32_LANES;
            (&panels[vector / parts * d..][..d], vector % parts)
        };
        for first in (0..vectors).step_by(2) {
            // An odd last vector is taken twice.
            let second = (first + 1).min(vectors - 1);
            let ((a, part_a), (b, part_b)) = (of(first), of(second));
            let mut sums = [[simd.splat_f32s(0.0); 2]; ROWS];
            for ((row, a), b) in rows.iter().zip(a).zip(b) {
                let (a, b) = (S::as_simd_f32s(a).0[part_a], S::as_simd_f32s(b).0[part_b]);
                for (sums, value) in sums.iter_mut().zip(row) {
                    let value = simd.splat_f32s(*value);
                    sums[0] = simd.mul_add_e_f32s(value, a, sums[0]);
                    sums[1] = simd.mul_add_e_f32s(value, b, sums[1]);
                }
            }
            for (products, sums) in products.chunks_exact_mut(vectors * S::F32_LANES).zip(sums) {
                let out = S::as_mut_simd_f32s(products).0;
                out[first] = sums[0];
                out[second] = sums[1];
            }
        }
    }
}

struct FindNear<'a> {
    products: &'a [f32],
    rows: (&'a [f32], &'a [f32]),
    columns: (&'a [f32], &'a [f32], &'a [f32]),
    near: &'a mut Vec<(usize, usize)>,
}

impl WithSimd for FindNear<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { products, rows: (lower, own), columns: (columns, limits, open), near } = self;
        let [columns, limits, open] = [columns, limits, open].map(|values| values.as_chunks::<PANEL>().0);
        let products = products.as_chunks::<PANEL>().0.chunks_exact(columns.len());
        for (row, ((lower, own), products)) in lower.iter().zip(own).zip(products).enumerate() {
            let panels = products.iter().zip(columns).zip(limits.iter().zip(open));
            for (panel, ((product, column), (limit, open))) in panels.enumerate() {
                // A bit for each column, which the compiler makes of one comparison of vectors.
                let mut mask = 0_u32;
                for l in 0..PANEL {
                    let own = if *own < open[l] { *own } else { open[l] };
                    let limit = if limit[l] < own { own } else { limit[l] };
                    mask |= u32::from(lower + column[l] - product[l] <= limit) << l;
                }
                while mask != 0 {
                    near.push((row, panel * PANEL + mask.trailing_zeros() as usize));
                    mask &= mask - 1;
                }
            }
        }
    }
}
