//! How much two columns depend on each other: mutual information by counting, and how much of it chance gives.

use ndarray::ArrayView1;

/// Cells of each of the two columns, of equally many points.
const CELLS: usize = 6;

/// The cell of each value among those of its column.
pub(super) fn cells(values: ArrayView1<f64>) -> Vec<u8> {
    let n = values.len();
    let mut order: Vec<usize> = (0..n).collect();
    order.sort_by(|a, b| values[*a].total_cmp(&values[*b]));
    let mut cells = vec![0; n];
    order.iter().enumerate().for_each(|(rank, i)| cells[*i] = (rank * CELLS / n) as u8);
    cells
}

/// Twice the number of points times the mutual information of two columns by their [`cells`], nats: about chi-squared with
/// 25 degrees of freedom where they are independent.
pub(super) fn deviance(a: &[u8], b: &[u8]) -> f64 {
    let expected = a.len() as f64 / (CELLS * CELLS) as f64;
    let mut counts = [0.0; CELLS * CELLS];
    for (a, b) in a.iter().zip(b) {
        counts[*a as usize * CELLS + *b as usize] += 1.0;
    }
    counts.iter().filter(|c| **c > 0.0).map(|c| 2.0 * c * (c / expected).ln()).sum()
}

/// What the largest [`deviance`] of `couples` independent pairs of columns seldom exceeds.
pub(super) fn chance(couples: usize) -> f64 {
    let freedom = ((CELLS - 1) * (CELLS - 1)) as f64;
    freedom + (2.0 * freedom).sqrt() * (2.0 + (2.0 * (couples as f64).ln()).sqrt())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    #[test]
    fn independent_columns_stay_below_chance_and_an_even_dependence_shows() {
        let z = Stream::new(3, 0, "dependence").standard_normal(0, 4000, 3);
        let of = |j: usize| cells(z.column(j));
        let bent = z.column(0).mapv(|v| v * v) + z.column(1).mapv(|v| 0.5 * v);
        let independent = deviance(&of(0), &of(1));
        assert!(independent > 5.0 && independent < chance(1), "{independent}");
        assert!(deviance(&of(0), &cells(bent.view())) > 10.0 * chance(1000));
        // A column determines itself: the mutual information is log 6.
        let own = deviance(&of(2), &of(2));
        assert!((own / 8000.0 - 6.0_f64.ln()).abs() < 1e-3, "{own}");
    }
}
