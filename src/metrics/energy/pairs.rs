//! Sums of the distances of all pairs of points. They are added in an order that depends on the numbers of points alone,
//! so a sum depends neither on the number of threads nor on the width of the processor's vectors.

use pulp::{Arch, Simd, WithSimd};
use rayon::prelude::*;
use std::ops::Range;

use crate::numeric::power_of_two::times_power_of_two;
use crate::numeric::simd::{LANES, Lanes};

/// Packets of a block of rows, which one task sums.
const BLOCK: usize = 8;

/// Coordinates of the packets that are compared with all rows of a block before the next ones: 32 KiB, which stay in the
/// cache.
const TILE: usize = 4096;

/// Rows that are compared with a packet at once.
const ROWS: usize = 4;

/// Points in packets of eight, a coordinate of all eight side by side, divided by a power of 2.
#[derive(Clone, Debug)]
pub(super) struct PackedPoints {
    values: Vec<f64>,
    n: usize,
    d: usize,
    exponent: i32,
}

impl PackedPoints {
    /// Packs points of `d` coordinates, row after row, and divides them by 2 to the power of `exponent`.
    pub fn new(rows: &[f64], d: usize, exponent: i32) -> Self {
        let n = rows.len() / d;
        let mut values = vec![0.0; n.div_ceil(LANES) * LANES * d];
        for (i, row) in rows.chunks_exact(d).enumerate() {
            let packet = &mut values[i / LANES * LANES * d..];
            for (c, value) in row.iter().enumerate() {
                packet[c * LANES + i % LANES] = times_power_of_two(*value, -exponent);
            }
        }
        Self { values, n, d, exponent }
    }

    /// Number of points.
    pub fn len(&self) -> usize {
        self.n
    }

    /// The points are divided by 2 to this power.
    pub fn exponent(&self) -> i32 {
        self.exponent
    }

    fn packets(&self) -> usize {
        self.n.div_ceil(LANES)
    }

    fn packet(&self, packet: usize) -> &[f64] {
        &self.values[packet * LANES * self.d..][..LANES * self.d]
    }

    /// Points of a packet: eight, but for the last one.
    fn points_in(&self, packet: usize) -> usize {
        (self.n - packet * LANES).min(LANES)
    }

    /// The packets in blocks.
    fn blocks(&self) -> impl IndexedParallelIterator<Item = Range<usize>> {
        let packets = self.packets();
        (0..packets.div_ceil(BLOCK))
            .into_par_iter()
            .map(move |block| block * BLOCK..((block + 1) * BLOCK).min(packets))
    }
}

/// `sum_ij |a_i - b_j|`.
pub(super) fn sum_between(a: &PackedPoints, b: &PackedPoints) -> f64 {
    let arch = Arch::new();
    let sums: Vec<f64> = a.blocks().map(|block| sum(arch, (a, block), (b, 0..b.packets()))).collect();
    sums.iter().sum()
}

/// `sum_{i < j} |a_i - a_j|`.
pub(super) fn sum_within(a: &PackedPoints) -> f64 {
    let arch = Arch::new();
    let of_block = |block: Range<usize>| {
        // Within the block every pair stands twice.
        let own = sum(arch, (a, block.clone()), (a, block.clone()));
        0.5 * own + sum(arch, (a, block.clone()), (a, block.end..a.packets()))
    };
    let sums: Vec<f64> = a.blocks().map(of_block).collect();
    sums.iter().sum()
}

/// The sum of the distances of some packets of points to others.
fn sum(arch: Arch, rows: (&PackedPoints, Range<usize>), columns: (&PackedPoints, Range<usize>)) -> f64 {
    match rows.0.d {
        2 => arch.dispatch(Sum::<2> { rows, columns }),
        3 => arch.dispatch(Sum::<3> { rows, columns }),
        _ => arch.dispatch(Sum::<0> { rows, columns }),
    }
}

/// `D` is the dimension, or 0 when it is only known at run time.
struct Sum<'a, const D: usize> {
    rows: (&'a PackedPoints, Range<usize>),
    columns: (&'a PackedPoints, Range<usize>),
}

impl<const D: usize> WithSimd for Sum<'_, D> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        let ((rows, own), (columns, others)) = (self.rows, self.columns);
        let tile = (TILE / (LANES * rows.d)).max(1);
        let mut total = Lanes::splat(0.0);
        let mut begin = others.start;
        while begin < others.end {
            let packets = begin..(begin + tile).min(others.end);
            begin = packets.end;
            for packet in own.clone() {
                let whole = rows.points_in(packet) / ROWS * ROWS;
                for row in (0..whole).step_by(ROWS) {
                    add_distances::<D, ROWS>((rows, packet, row), (columns, packets.clone()), &mut total);
                }
                for row in whole..rows.points_in(packet) {
                    add_distances::<D, 1>((rows, packet, row), (columns, packets.clone()), &mut total);
                }
            }
        }
        total.0.iter().sum()
    }
}

/// Adds the distances of `R` points of a packet, from `first` on, to the points of `packets`.
#[inline(always)]
fn add_distances<const D: usize, const R: usize>(
    (rows, packet, first): (&PackedPoints, usize, usize),
    (columns, packets): (&PackedPoints, Range<usize>),
    total: &mut Lanes,
) {
    let d = if D == 0 { rows.d } else { D };
    let x = &rows.packet(packet)[..d * LANES];
    let mut sums = [Lanes::splat(0.0); R];
    for packet in packets {
        let y = &columns.packet(packet)[..d * LANES];
        let mut squared = [Lanes::splat(0.0); R];
        for c in 0..d {
            let y = Lanes::load(&y[c * LANES..]);
            for (r, squared) in squared.iter_mut().enumerate() {
                *squared = squared.plus_square_of_difference(y, x[c * LANES + (first + r) % LANES]);
            }
        }
        let points = columns.points_in(packet);
        for (sum, squared) in sums.iter_mut().zip(squared) {
            *sum =
                if points == LANES { sum.plus_root(squared) } else { sum.plus_root(squared.first(points)) };
        }
    }
    sums.into_iter().for_each(|sum| *total = total.plus(sum));
}
