//! Activations of some rows, padded to whole registers.

use super::packed::stride;

/// Rows of equal length, `stride` values from one to the next; padding is 0.
#[derive(Debug)]
pub(super) struct Matrix {
    pub values: Vec<f32>,
    pub stride: usize,
}

impl Matrix {
    pub fn new(rows: usize, columns: usize) -> Self {
        let stride = stride(columns);
        Self { values: vec![0.0; rows * stride], stride }
    }

    /// A matrix that is not used.
    pub fn none() -> Self {
        Self { values: Vec::new(), stride: 1 }
    }

    /// One row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.values[row * self.stride..(row + 1) * self.stride]
    }

    /// The first columns from rows of `d` values, one after the other.
    pub fn read_rows(&mut self, from: &[f64], d: usize) {
        let rows = self.values.chunks_exact_mut(self.stride);
        match d {
            // The compiler unrolls a row of known length; a loop over two values costs more than copying them.
            2 => rows
                .zip(from.as_chunks::<2>().0)
                .for_each(|(to, x)| (to[0], to[1]) = (x[0] as f32, x[1] as f32)),
            _ => rows
                .zip(from.chunks_exact(d))
                .for_each(|(to, x)| to.iter_mut().zip(x).for_each(|(to, x)| *to = *x as f32)),
        }
    }

    /// `factor` times the first columns, to rows of `d` values, one after the other.
    pub fn write_rows(&self, to: &mut [f64], d: usize, factor: f64) {
        let rows = self.values.chunks_exact(self.stride);
        let times = |x: f32| factor * f64::from(x);
        match d {
            2 => rows.zip(to.as_chunks_mut::<2>().0).for_each(|(x, to)| *to = [times(x[0]), times(x[1])]),
            _ => rows
                .zip(to.chunks_exact_mut(d))
                .for_each(|(x, to)| to.iter_mut().zip(x).for_each(|(to, x)| *to = times(*x))),
        }
    }

    /// One row, to be written.
    pub fn row_mut(&mut self, row: usize) -> &mut [f32] {
        &mut self.values[row * self.stride..(row + 1) * self.stride]
    }
}
