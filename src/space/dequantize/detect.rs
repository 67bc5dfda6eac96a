//! What the ties of a column are: rounding, single values that many points share, or a short list of values.

use super::column::{Atom, Cells, Column};
use super::lattice::Lattice;

/// Fewest ties (points less distinct values) of a column that is looked at, and their least share of the points.
const FEWEST_TIES: usize = 3;
const TIES: f64 = 0.02;

/// Least share of ties of a column that counts as rounded.
const ROUNDED: f64 = 0.05;

/// A value that so many points have, and such a share of them, is an atom of a column that is continuous else.
const FEWEST_AT_ATOM: usize = 4;
const AT_ATOM: f64 = 0.02;

/// On a lattice a value is an atom if it has so many times the points of the cells around it, of which so many on each
/// side are looked at; and if the lattice has more cells than these.
const ABOVE_NEIGHBOURS: f64 = 8.0;
const NEIGHBOURS: usize = 10;

/// Most values of a column whose values are on no lattice and all shared; and the share of ties among them.
const MOST_VALUES: usize = 4096;
const SHARED: f64 = 0.5;

/// The end of a lattice is the end of what the column can be if so many points, and such a share of them, are there.
const FEWEST_AT_END: usize = 5;
const AT_END: f64 = 0.005;

/// Ties below which no column of `n` points is touched.
pub fn fewest_ties(n: usize) -> usize {
    FEWEST_TIES.max((TIES * n as f64).ceil() as usize)
}

/// Points less distinct values.
pub fn ties(values: impl Iterator<Item = f64>) -> usize {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted.windows(2).filter(|pair| pair[0] == pair[1]).count()
}

/// What a column is, if it is not continuous.
pub fn detect(values: impl Iterator<Item = f64>) -> Option<Column> {
    let mut sorted: Vec<f64> = values.collect();
    sorted.sort_unstable_by(f64::total_cmp);
    let n = sorted.len();
    let tied = sorted.windows(2).filter(|pair| pair[0] == pair[1]).count();
    let finite =
        sorted.first().is_some_and(|v| v.is_finite()) && sorted.last().is_some_and(|v| v.is_finite());
    if tied < fewest_ties(n) || tied + 1 == n || !finite {
        return None;
    }
    let runs = runs(&sorted);
    let distinct: Vec<f64> = runs.iter().map(|(value, _)| *value).collect();
    let share = |count: usize| count as f64 / n as f64;
    let column = |cells, atoms| Column { cells, atoms, ties: share(tied), values: runs.len() };
    if share(tied) >= ROUNDED
        && let Some(lattice) = Lattice::of(&distinct)
    {
        let end = |(value, count): (f64, usize)| {
            (count >= FEWEST_AT_END && share(count) >= AT_END).then_some(value)
        };
        let (low, high) = (end(runs[0]), end(runs[runs.len() - 1]));
        let is_atom = |i: usize| stands_out(&runs, &lattice, i, n);
        let atoms = atoms(&runs, &is_atom, lattice.width(), n);
        return Some(column(Cells::Lattice { lattice, low, high }, atoms));
    }
    let is_atom = |i: usize| runs[i].1 >= FEWEST_AT_ATOM && share(runs[i].1) >= AT_ATOM;
    let rest: Vec<usize> = (0..runs.len()).filter(|i| !is_atom(*i)).map(|i| runs[i].1).collect();
    let points: usize = rest.iter().sum();
    let is_list = share(points) < AT_ATOM || (points - rest.len()) as f64 >= SHARED * points as f64;
    if is_list && runs.len() <= MOST_VALUES {
        return Some(column(Cells::Values(distinct), Vec::new()));
    }
    let atoms = atoms(&runs, &is_atom, 0.0, n);
    (!atoms.is_empty()).then(|| column(Cells::Continuous, atoms))
}

/// The distinct values of a sorted list, each with how often it stands there.
fn runs(sorted: &[f64]) -> Vec<(f64, usize)> {
    let runs = sorted.chunk_by(|a, b| a == b);
    // -0 and 0 are one value.
    runs.map(|run| (run[0] + 0.0, run.len())).collect()
}

/// Whether a cell of a lattice has far more points than those around it.
fn stands_out(runs: &[(f64, usize)], lattice: &Lattice, i: usize, n: usize) -> bool {
    let (value, count) = runs[i];
    if count < FEWEST_AT_ATOM || (count as f64) < AT_ATOM * n as f64 {
        return false;
    }
    let cell = |i: usize| lattice.cell(runs[i].0);
    let (first, last, own) = (cell(0), cell(runs.len() - 1), lattice.cell(value));
    if last - first < 2.0 * NEIGHBOURS as f64 {
        return false;
    }
    let (from, to) = ((own - NEIGHBOURS as f64).max(first), (own + NEIGHBOURS as f64).min(last));
    let near = |i: &usize| (from..=to).contains(&cell(*i));
    let below = (0..i).rev().take_while(near).map(|i| runs[i].1);
    let above = (i + 1..runs.len()).take_while(near).map(|i| runs[i].1);
    let around = below.chain(above).sum::<usize>() as f64 / (to - from);
    count as f64 >= ABOVE_NEIGHBOURS * around
}

/// The atoms with the widths that they get: such that the density is about that of the points around them.
fn atoms(runs: &[(f64, usize)], is_atom: &dyn Fn(usize) -> bool, cell: f64, n: usize) -> Vec<Atom> {
    let (of_atoms, rest): (Vec<usize>, Vec<usize>) = (0..runs.len()).partition(|i| is_atom(*i));
    if of_atoms.is_empty() || rest.is_empty() {
        return Vec::new();
    }
    let rest: Vec<f64> = rest.iter().flat_map(|i| std::iter::repeat_n(runs[*i].0, runs[*i].1)).collect();
    let at = |q: f64| rest[((q * rest.len() as f64) as usize).min(rest.len() - 1)];
    // The length that holds four fifths of the other points; the whole of a few.
    let most = match at(0.9) - at(0.1) {
        0.0 => rest[rest.len() - 1] - rest[0],
        length => length,
    };
    let most = if most > 0.0 { most } else { runs[runs.len() - 1].0 - runs[0].0 };
    let nearest = (rest.len() as f64).sqrt().ceil() as usize;
    let width = |value: f64, count: usize| {
        // The `nearest` points around the value, in a window that is moved along the sorted ones.
        let place = rest.partition_point(|v| *v < value);
        let start = place.saturating_sub(nearest).min(rest.len() - nearest.min(rest.len()));
        let windows = (start..=place.min(rest.len() - nearest)).map(|from| {
            let (low, high) = (rest[from].min(value), rest[from + nearest - 1].max(value));
            high - low
        });
        let length = windows.fold(f64::INFINITY, f64::min);
        let by_density = count as f64 / nearest as f64 * length;
        let bulk = count as f64 / rest.len() as f64 * most;
        by_density.clamp(0.05 * bulk, 3.0 * bulk)
    };
    let atom = |i: &usize| Atom {
        value: runs[*i].0,
        width: width(runs[*i].0, runs[*i].1),
        share: runs[*i].1 as f64 / n as f64,
    };
    of_atoms.iter().map(atom).filter(|atom| atom.width > cell && atom.width.is_finite()).collect()
}
