//! Ascending order for many finite values at once, faster than by comparisons alone.
//!
//! The range of the values is cut into 2^22 equal bins, and two stable counting passes of 11 bits put the values into
//! the order of their bins. Few values share a bin, so an insertion sort finishes the work; where many do (an outlier
//! stretches the range), a sort by comparisons does. The result is the same in every case.

/// Bits of a bin number that one counting pass sorts by.
const BITS: u32 = 11;
/// Counters of a pass.
const COUNTERS: usize = 1 << BITS;
/// Fewer values than this are sorted by comparisons.
const FEW: usize = 512;
/// Average number of places that a value may move in the insertion sort before comparisons take over.
const PATIENCE: usize = 8;

/// Sorts finite `values` ascending; `scratch` is overwritten and may be used again.
pub fn sort_ascending(values: &mut [f64], scratch: &mut Vec<f64>) {
    let (low, high) =
        values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), v| (low.min(*v), high.max(*v)));
    let per_unit = ((1_u64 << (2 * BITS)) - 1) as f64 / (high - low);
    if values.len() < FEW || !per_unit.is_normal() {
        values.sort_unstable_by(f64::total_cmp);
        return;
    }
    // A float as large as 2^22 is cut to a whole number without loss of order.
    let bin = |v: f64| ((v - low) * per_unit) as u32 as usize;
    scratch.clear();
    scratch.resize(values.len(), 0.0);
    let mut counts = [[0_u32; COUNTERS]; 2];
    for v in values.iter() {
        let bin = bin(*v);
        counts[0][bin % COUNTERS] += 1;
        counts[1][(bin >> BITS) % COUNTERS] += 1;
    }
    scatter(values, scratch, &mut counts[0], |v| bin(v) % COUNTERS);
    scatter(scratch, values, &mut counts[1], |v| (bin(v) >> BITS) % COUNTERS);
    if !insertion_sort(values, PATIENCE * scratch.len()) {
        values.sort_unstable_by(f64::total_cmp);
    }
}

/// One stable counting pass: `counts` holds the number of values of each digit, and afterwards where each digit ends.
fn scatter(from: &[f64], to: &mut [f64], counts: &mut [u32; COUNTERS], digit: impl Fn(f64) -> usize) {
    let mut start = 0;
    for count in counts.iter_mut() {
        (*count, start) = (start, start + *count);
    }
    for v in from {
        let next = &mut counts[digit(*v)];
        to[*next as usize] = *v;
        *next += 1;
    }
}

/// Sorts values that are almost in order; gives up, with the values in some order, after so many moves.
fn insertion_sort(values: &mut [f64], most_moves: usize) -> bool {
    let mut moves = 0;
    for i in 1..values.len() {
        let v = values[i];
        let mut at = i;
        while at > 0 && values[at - 1] > v {
            values[at] = values[at - 1];
            at -= 1;
        }
        values[at] = v;
        moves += i - at;
        if moves > most_moves {
            return false;
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::random::Stream;

    #[test]
    fn agrees_with_a_sort_by_comparisons_on_every_kind_of_values() {
        let normal = Stream::new(1, 0, "sort").standard_normal(0, 5000, 2);
        let (a, b) = (normal.column(0).to_vec(), normal.column(1).to_vec());
        let with =
            |f: &dyn Fn(f64, f64) -> f64| a.iter().zip(&b).map(|(a, b)| f(*a, *b)).collect::<Vec<f64>>();
        let kinds = [
            with(&|a, _| a),
            with(&|a, b| a / b),
            with(&|a, _| (4.0 * a).round()),
            with(&|a, _| 1e200 * a),
            with(&|a, _| 1e-200 * a),
            with(&|a, _| a.exp().exp()),
            with(&|a, b| if b > 3.0 { 1e12 } else { a }),
            with(&|a, _| 7.0 + 1e-16 * a),
            with(&|a, _| f64::MAX * a.signum()),
            with(&|a, _| f64::from_bits(1) * (8.0 * a).round()),
            a[..100].to_vec(),
            vec![2.5; 1000],
            Vec::new(),
        ];
        let mut scratch = Vec::new();
        for (kind, values) in kinds.into_iter().enumerate() {
            let (mut ours, mut theirs) = (values.clone(), values);
            sort_ascending(&mut ours, &mut scratch);
            theirs.sort_unstable_by(f64::total_cmp);
            assert_eq!(ours, theirs, "kind {kind}");
        }
    }
}
