//! Signs that a training diverges, long before its loss leaves the range of numbers.

use crate::diffusion::Reduction;
use crate::spec::Plan;
use crate::store::LossRow;

/// Rows of `loss.csv` whose median is looked at: a few bad batches, or a bad beginning, are no divergence.
const ROWS: usize = 20;

/// The squared error for each dimension that tells of a divergence. A network that predicts nothing has 1, as the noise
/// has variance 1.
const LARGEST: f64 = 1.5;

/// Watches the logged losses of a training.
pub(super) struct DivergenceWatch {
    /// What the first term of the loss is divided by, to be that of one dimension.
    terms: f64,
    newest: Vec<f64>,
    told: bool,
}

impl DivergenceWatch {
    pub fn of(plan: &Plan) -> Self {
        let terms = match plan.train.isotropy_loss().reduction {
            Reduction::Mean => 1,
            Reduction::Sum => plan.data.source.dim(),
        };
        Self { terms: terms as f64, newest: Vec::new(), told: false }
    }

    /// Looks at a row, and says once what it sees.
    pub fn see(&mut self, row: &LossRow) -> Option<String> {
        self.newest.push(row.mse / self.terms);
        let first = self.newest.len().checked_sub(ROWS)?;
        let mut newest = self.newest[first..].to_vec();
        newest.sort_by(f64::total_cmp);
        let median = newest[(ROWS - 1) / 2];
        if self.told || median <= LARGEST {
            return None;
        }
        self.told = true;
        Some(format!(
            "the training seems to diverge: up to iteration {} the squared error for each dimension is {median:.3} in the median of the last {ROWS} logged batches, and a network that predicts no noise at all has 1; lower train.learning_rate, or set train.clip_norm or train.warmup",
            row.iteration
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn notices(values: impl Iterator<Item = f64>) -> Vec<usize> {
        let mut watch = DivergenceWatch { terms: 2.0, newest: Vec::new(), told: false };
        let row = |(i, mse)| LossRow { iteration: 1 + i, loss: 0.0, mse, isotropy: 0.0, optimal: None };
        let rows = values.enumerate().map(row);
        rows.filter_map(|row| watch.see(&row).map(|_| row.iteration)).collect()
    }

    #[test]
    fn a_divergence_is_told_of_once_and_bad_beginnings_are_not() {
        // Two dimensions: 2 is the error of a network that predicts nothing.
        assert_eq!(notices((0..200).map(|_| 2.9)), Vec::<usize>::new());
        assert_eq!(notices((0..200).map(|i| if i < 10 { 8.0 } else { 0.5 })), Vec::<usize>::new());
        let diverging = notices((0..200).map(|i| if i < 100 { 0.5 } else { 8.0 }));
        assert_eq!(diverging.len(), 1);
        assert!((101..=120).contains(&diverging[0]), "{diverging:?}");
    }
}
