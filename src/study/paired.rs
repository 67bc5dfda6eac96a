//! Values of two groups of runs, replicate by replicate.

use super::run_values::Named;
use std::collections::HashMap;

/// The replicates of a pipeline at a point, each with its number.
pub type Replicates = Vec<(usize, Vec<Named>)>;

/// The value of that name.
pub fn value_of(values: &[Named], name: &str) -> Option<f64> {
    values.iter().find(|(other, _)| other == name).and_then(|(_, value)| *value)
}

/// A value of each replicate that both groups have, in the order of the first.
pub fn paired<R>(
    ours: &[(usize, R)],
    own: impl Fn(&(usize, R)) -> Option<f64>,
    theirs: &[(usize, R)],
    other: impl Fn(&(usize, R)) -> Option<f64>,
) -> (Vec<f64>, Vec<f64>) {
    let theirs: HashMap<usize, f64> =
        theirs.iter().filter_map(|replicate| Some((replicate.0, other(replicate)?))).collect();
    ours.iter().filter_map(|replicate| Some((own(replicate)?, *theirs.get(&replicate.0)?))).unzip()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replicates_are_paired_by_their_number_where_both_have_the_value() {
        let one = |replicate: usize, value| (replicate, vec![("recall".into(), value)]);
        let ours: Replicates = vec![one(0, Some(1.0)), one(1, Some(2.0)), one(2, None), one(3, Some(4.0))];
        let theirs: Replicates = vec![one(3, Some(40.0)), one(2, Some(30.0)), one(0, Some(10.0))];
        let recall = |(_, values): &(usize, Vec<Named>)| value_of(values, "recall");
        assert_eq!(paired(&ours, recall, &theirs, recall), (vec![1.0, 4.0], vec![10.0, 40.0]));
        let other = |(_, values): &(usize, Vec<Named>)| value_of(values, "density");
        assert_eq!(paired(&ours, recall, &theirs, other), (vec![], vec![]));
    }
}
