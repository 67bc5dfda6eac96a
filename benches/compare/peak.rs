//! The rate of multiply-adds that one thread reaches with everything in registers: the roof of every matrix product.

use pulp::{Arch, Simd, WithSimd};
use std::hint::black_box;

/// Independent sums, more than a multiply-add takes cycles times those begun in one.
const SUMS: usize = 12;

/// Rounds of one call.
const ROUNDS: usize = 100_000;

struct MultiplyAdds;

impl WithSimd for MultiplyAdds {
    type Output = u64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> u64 {
        let (a, b) = (simd.splat_f32s(black_box(0.999)), simd.splat_f32s(black_box(1e-3)));
        let mut sums = [simd.splat_f32s(black_box(1.0)); SUMS];
        for _ in 0..ROUNDS {
            for sum in &mut sums {
                *sum = simd.mul_add_f32s(*sum, a, b);
            }
        }
        let total = sums.into_iter().fold(simd.splat_f32s(0.0), |total, sum| simd.add_f32s(total, sum));
        black_box(simd.reduce_sum_f32s(total));
        (2 * ROUNDS * SUMS * S::F32_LANES) as u64
    }
}

/// Does them once; the operations that they were.
pub fn run() -> u64 {
    Arch::new().dispatch(MultiplyAdds)
}
