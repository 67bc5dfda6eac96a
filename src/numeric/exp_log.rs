//! The exponential and the logarithm of eight numbers side by side.
//!
//! Additions, multiplications, divisions and shifts of bits only, none of them fused, in the same order for every lane: the
//! results are the same to the last bit whatever vector instructions a processor has, and they do not come from the system's
//! mathematical library. The tests hold both to 1 unit in the last place of correctly rounded values.

use super::simd::{LANES, Lanes};

/// Added to and subtracted from a number below 2^51, it rounds to the nearest whole number, which stands in the low bits.
const ROUND: f64 = 6_755_399_441_055_744.0;
/// `log 2` in two parts; the product of the first with a whole number below 2^20 is exact.
const LN_2_HIGH: f64 = f64::from_bits(0x3fe6_2e42_fee0_0000);
const LN_2_LOW: f64 = f64::from_bits(0x3dea_39ef_3579_3c76);
/// `1/k!` for `k` from 2: the terms of the series up to the 13th power, beyond which they are below 2^-57.
const INVERSE_FACTORIALS: [f64; 12] = [
    1.0 / 2.0,
    1.0 / 6.0,
    1.0 / 24.0,
    1.0 / 120.0,
    1.0 / 720.0,
    1.0 / 5_040.0,
    1.0 / 40_320.0,
    1.0 / 362_880.0,
    1.0 / 3_628_800.0,
    1.0 / 39_916_800.0,
    1.0 / 479_001_600.0,
    1.0 / 6_227_020_800.0,
];
/// Beyond these, the exponential is 0 or infinite.
const LEAST: f64 = -746.0;
const MOST: f64 = 710.0;

/// `exp(x)`, lane by lane: 0 for minus infinity, subnormal numbers where the result is one, NaN for NaN.
///
/// # Method
///
/// `x = k log 2 + r` with `|r| <= log(2) / 2` and a second part of `r` for what its rounding lost, `exp(r)` by its series,
/// times `2^k` in two steps, so that a subnormal result is rounded once.
#[inline(always)]
pub fn exp(x: Lanes) -> Lanes {
    let mut out = x;
    for l in 0..LANES {
        let x = x.0[l];
        let x = if x < LEAST { LEAST } else { x };
        let x = if x > MOST { MOST } else { x };
        let shifted = x * std::f64::consts::LOG2_E + ROUND;
        let k = shifted - ROUND;
        let (high, low) = (x - k * LN_2_HIGH, k * LN_2_LOW);
        let r = high - low;
        let lost = (high - r) - low;
        let c = &INVERSE_FACTORIALS;
        // Even and odd powers apart, so that fewer operations wait for each other.
        let r2 = r * r;
        let even = c[0] + r2 * (c[2] + r2 * (c[4] + r2 * (c[6] + r2 * (c[8] + r2 * c[10]))));
        let odd = c[1] + r2 * (c[3] + r2 * (c[5] + r2 * (c[7] + r2 * (c[9] + r2 * c[11]))));
        let value = 1.0 + (r + (lost + (r2 * even + (r2 * r) * odd)));
        // `k + 2048`, which is positive, in two halves, each of them the exponent of a factor.
        let k = shifted.to_bits().wrapping_sub(ROUND.to_bits()).wrapping_add(2048);
        let (half, rest) = (k >> 1, k.wrapping_sub(k >> 1));
        let power = |half: u64| f64::from_bits(half.wrapping_sub(1) << 52);
        out.0[l] = value * power(half) * power(rest);
    }
    out
}

/// `log(x)`, lane by lane: minus infinity for 0, NaN below and for NaN, infinity for infinity.
///
/// # Method
///
/// `x = 2^k (1 + f)` with `1 + f` between `sqrt(1/2)` and `sqrt(2)`; with `s = f / (2 + f)`, `log(1 + f)` is
/// `f - f^2 / 2 + s (f^2 / 2 + R(s^2))`, with the polynomial `R` of FreeBSD's mathematical library (Sun Microsystems 1993).
#[inline(always)]
pub fn ln(x: Lanes) -> Lanes {
    const R: [f64; 7] = [
        6.666_666_666_666_735e-1,
        3.999_999_999_940_942e-1,
        2.857_142_874_366_239e-1,
        2.222_219_843_214_978_4e-1,
        1.818_357_216_161_805e-1,
        1.531_383_769_920_937_3e-1,
        1.479_819_860_511_658_6e-1,
    ];
    /// `sqrt(1/2)` in the upper half of its bits.
    const SQRT_HALF: u64 = 0x3fe6_a09e << 32;
    let mut out = x;
    for l in 0..LANES {
        let x = x.0[l];
        let is_small = x < f64::MIN_POSITIVE;
        let scaled = if is_small { x * (1_u64 << 54) as f64 } else { x };
        // The number of bits by which the exponent is above that of the interval around 1.
        let above = scaled.to_bits().wrapping_sub(SQRT_HALF);
        let mantissa = f64::from_bits((above & 0x000f_ffff_ffff_ffff).wrapping_add(SQRT_HALF));
        // The exponent plus 1023 + 1, as a number: whole numbers below 2^52 are the low bits of 2^52 and more.
        let biased = (above.wrapping_add(1024 << 52)) >> 52;
        let k = f64::from_bits(biased | 0x4330_0000_0000_0000) - 4_503_599_627_370_496.0;
        let k = k - if is_small { 1024.0 + 54.0 } else { 1024.0 };
        let f = mantissa - 1.0;
        let s = f / (2.0 + f);
        let (z, half) = (s * s, 0.5 * f * f);
        let w = z * z;
        let even = w * (R[1] + w * (R[3] + w * R[5]));
        let odd = z * (R[0] + w * (R[2] + w * (R[4] + w * R[6])));
        let value = k * LN_2_HIGH - ((half - (s * (half + (even + odd)) + k * LN_2_LOW)) - f);
        let value = if x == 0.0 { f64::NEG_INFINITY } else { value };
        let value = if x == f64::INFINITY { x } else { value };
        out.0[l] = if x >= 0.0 { value } else { f64::NAN };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulp::Arch;

    /// `f` of each number, eight at a time.
    fn of_each(f: impl Fn(Lanes) -> Lanes, values: &[f64]) -> Vec<f64> {
        let of_some = |some: &[f64]| {
            let mut lanes = Lanes::splat(0.0);
            lanes.0[..some.len()].copy_from_slice(some);
            f(lanes).0[..some.len()].to_vec()
        };
        values.chunks(LANES).flat_map(of_some).collect()
    }

    /// Units in the last place between two numbers.
    fn units(a: f64, b: f64) -> u64 {
        if a.is_nan() && b.is_nan() { 0 } else { a.to_bits().abs_diff(b.to_bits()) }
    }

    /// Numbers of all sizes and signs, spread evenly over the bits.
    fn numbers() -> Vec<f64> {
        (0..400_000_u64).map(|i| f64::from_bits(i.wrapping_mul(0x9e37_79b9_7f4a_7c15))).collect()
    }

    #[test]
    fn the_exponential_is_that_of_the_system_to_one_unit_and_the_same_bits_on_every_path() {
        let mut values: Vec<f64> = (0..400_000).map(|i| -750.0 + 1465.0 * f64::from(i) / 400_000.0).collect();
        values.extend((0..200_000).map(|i| -1.5 + 3.0 * f64::from(i) / 200_000.0));
        values.extend(numbers());
        values.extend([0.0, -0.0, 709.782_712_893_384, 709.782_712_893_385, -745.133_219_101_941, -745.14]);
        values.extend([f64::NEG_INFINITY, f64::INFINITY, f64::NAN, f64::MAX, f64::MIN, 5e-324]);
        let plain = of_each(exp, &values);
        let dispatched = of_each(|x| Arch::new().dispatch(|| exp(x)), &values);
        for ((x, plain), dispatched) in values.iter().zip(plain).zip(dispatched) {
            assert!(units(plain, x.exp()) <= 1, "exp({x:e}) = {plain:e}, not {:e}", x.exp());
            assert!(plain.to_bits() == dispatched.to_bits() || x.is_nan(), "exp({x:e})");
        }
        assert_eq!(
            exp(Lanes([0.0, -0.0, f64::NEG_INFINITY, f64::INFINITY, -1e300, 1e300, 1.0, -745.0])).0,
            [1.0, 1.0, 0.0, f64::INFINITY, 0.0, f64::INFINITY, std::f64::consts::E, 5e-324]
        );
    }

    #[test]
    fn the_logarithm_is_that_of_the_system_to_one_unit_and_the_same_bits_on_every_path() {
        let mut values: Vec<f64> = (0..400_000).map(|i| 0.5 + 1.5 * f64::from(i) / 400_000.0).collect();
        values.extend(numbers());
        values.extend([0.0, -0.0, 1.0, f64::MIN_POSITIVE, 5e-324, f64::MAX, f64::INFINITY, -1.0, f64::NAN]);
        let plain = of_each(ln, &values);
        let dispatched = of_each(|x| Arch::new().dispatch(|| ln(x)), &values);
        for ((x, plain), dispatched) in values.iter().zip(plain).zip(dispatched) {
            assert!(units(plain, x.ln()) <= 1, "log({x:e}) = {plain:e}, not {:e}", x.ln());
            assert!(plain.to_bits() == dispatched.to_bits() || x.is_nan() || *x < 0.0, "log({x:e})");
        }
        assert_eq!(ln(Lanes::splat(1.0)).0, [0.0; LANES]);
    }
}
