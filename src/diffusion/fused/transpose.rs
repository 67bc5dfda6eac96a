//! Transposed weights, for the gradient with respect to a layer's input.

use super::{
    model::Dense,
    packed::{NARROW, WIDE, padded, panels},
};
use pulp::{Simd, WithSimd};

/// Fills one panel of `W` `(output, input)`, inputs `column..column + width`, from all of `W^T`
/// `(input, output)`.
pub(super) struct Transpose<'a> {
    pub dense: Dense,
    pub column: usize,
    pub width: usize,
    pub weight: &'a [f32],
    pub out: &'a mut [f32],
}

impl WithSimd for Transpose<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { dense: Dense { input, output, .. }, column, width, weight, out } = self;
        let inputs = width.min(input - column);
        for from in panels(output) {
            let panel = &weight[from.start * input..from.end * input];
            let outputs = from.len().min(output - from.start);
            let to = &mut out[from.start * width..(from.start + outputs) * width];
            if (width, from.len(), outputs, inputs) == (WIDE, WIDE, WIDE, WIDE) {
                let panel = &panel.as_chunks::<WIDE>().0[column..column + WIDE];
                whole(panel, to.as_chunks_mut::<WIDE>().0);
            } else {
                for (o, to) in to.chunks_exact_mut(width).enumerate() {
                    for (i, to) in to.iter_mut().take(inputs).enumerate() {
                        *to = panel[(column + i) * from.len() + o];
                    }
                }
            }
        }
        debug_assert_eq!(out.len(), output * width.min(padded(input) - column));
    }
}

/// A square of 32 by 32, in squares of 16 by 16.
#[inline(always)]
fn whole(from: &[[f32; WIDE]], to: &mut [[f32; WIDE]]) {
    for o in (0..WIDE).step_by(NARROW) {
        for i in (0..WIDE).step_by(NARROW) {
            let mut square = [[0.0f32; NARROW]; NARROW];
            for (square, from) in square.iter_mut().zip(&from[i..i + NARROW]) {
                square.copy_from_slice(&from[o..o + NARROW]);
            }
            for (to, square) in to[o..o + NARROW].iter_mut().zip(square_transposed(square)) {
                to[i..i + NARROW].copy_from_slice(&square);
            }
        }
    }
}

/// The transposed square.
#[inline(always)]
pub(super) fn square_transposed(square: [[f32; NARROW]; NARROW]) -> [[f32; NARROW]; NARROW] {
    #[cfg(target_arch = "x86_64")]
    if std::is_x86_feature_detected!("avx512f") {
        // SAFETY: the processor has the instructions.
        return unsafe { square_by_lanes(square) };
    }
    #[cfg(target_arch = "x86_64")]
    return square_by_fours(square);
    #[cfg(not(target_arch = "x86_64"))]
    square_by_number(square)
}

/// A square of 16 by 16 in squares of 4 by 4, with instructions that every processor of this architecture has.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
fn square_by_fours(square: [[f32; NARROW]; NARROW]) -> [[f32; NARROW]; NARROW] {
    use std::arch::x86_64::{_MM_TRANSPOSE4_PS, _mm_loadu_ps, _mm_storeu_ps};
    let mut out = [[0.0; NARROW]; NARROW];
    for i in (0..NARROW).step_by(4) {
        for o in (0..NARROW).step_by(4) {
            let from = |row: usize| square[i + row][o..o + 4].as_ptr();
            // SAFETY: four numbers lie behind each pointer.
            let mut rows = unsafe { [0, 1, 2, 3].map(|row| _mm_loadu_ps(from(row))) };
            let [a, b, c, d] = &mut rows;
            // SAFETY: as above; the shuffles touch no memory.
            unsafe {
                _MM_TRANSPOSE4_PS(a, b, c, d);
                for (row, values) in rows.into_iter().enumerate() {
                    _mm_storeu_ps(out[o + row][i..i + 4].as_mut_ptr(), values);
                }
            }
        }
    }
    out
}

/// A square of 16 by 16 with 512-bit shuffles.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx512f")]
fn square_by_lanes(square: [[f32; NARROW]; NARROW]) -> [[f32; NARROW]; NARROW] {
    use std::arch::x86_64::*;
    // SAFETY: both are 16 times 16 `f32`, and any bits are.
    let mut a: [__m512; NARROW] = unsafe { std::mem::transmute(square) };
    let doubles = |v| _mm512_castps_pd(v);
    let singles = |v| _mm512_castpd_ps(v);
    // Rows in pairs, then in fours: lane l of row 4 k + j has column 4 l + j of rows 4 k .. 4 k + 4.
    for four in a.as_chunks_mut::<4>().0 {
        let [r0, r1, r2, r3] = *four;
        let (low, high) = (doubles(_mm512_unpacklo_ps(r0, r1)), doubles(_mm512_unpackhi_ps(r0, r1)));
        let (low2, high2) = (doubles(_mm512_unpacklo_ps(r2, r3)), doubles(_mm512_unpackhi_ps(r2, r3)));
        *four = [
            singles(_mm512_unpacklo_pd(low, low2)),
            singles(_mm512_unpackhi_pd(low, low2)),
            singles(_mm512_unpacklo_pd(high, high2)),
            singles(_mm512_unpackhi_pd(high, high2)),
        ];
    }
    // Lanes: even ones and odd ones, twice.
    for j in 0..4 {
        let [r0, r1, r2, r3] = [a[j], a[j + 4], a[j + 8], a[j + 12]];
        let (even, odd) = (_mm512_shuffle_f32x4::<0x88>(r0, r1), _mm512_shuffle_f32x4::<0xdd>(r0, r1));
        let (even2, odd2) = (_mm512_shuffle_f32x4::<0x88>(r2, r3), _mm512_shuffle_f32x4::<0xdd>(r2, r3));
        a[j] = _mm512_shuffle_f32x4::<0x88>(even, even2);
        a[j + 4] = _mm512_shuffle_f32x4::<0x88>(odd, odd2);
        a[j + 8] = _mm512_shuffle_f32x4::<0xdd>(even, even2);
        a[j + 12] = _mm512_shuffle_f32x4::<0xdd>(odd, odd2);
    }
    // SAFETY: as above.
    unsafe { std::mem::transmute(a) }
}

/// A square of 16 by 16, value by value.
#[cfg(any(test, not(target_arch = "x86_64")))]
#[inline(always)]
fn square_by_number(square: [[f32; NARROW]; NARROW]) -> [[f32; NARROW]; NARROW] {
    std::array::from_fn(|o| std::array::from_fn(|i| square[i][o]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectorized_transpose_is_the_transpose() {
        let square = std::array::from_fn(|i| std::array::from_fn(|j| (16 * i + j) as f32));
        assert_eq!(square_transposed(square), square_by_number(square));
        #[cfg(target_arch = "x86_64")]
        assert_eq!(square_by_fours(square), square_by_number(square));
        assert_eq!(square_transposed(square)[3][7], square[7][3]);
    }
}
