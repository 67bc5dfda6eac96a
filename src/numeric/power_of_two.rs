//! Scaling by powers of 2, which changes no digit of a number: squares of the scaled numbers neither overflow nor
//! underflow.

/// The exponent `e` of a number, `2^e <= |value| < 2^(e + 1)`, and of a normal number at least.
pub fn exponent(value: f64) -> i32 {
    (((value.to_bits() >> 52) & 0x7ff) as i32 - 1023).max(-1022)
}

/// `value 2^exponent` in two steps, the factors of which are doubles, for exponents from -2044 to 2046; down to -2046 for
/// values of which the result is 0.
#[inline]
pub fn times_power_of_two(value: f64, exponent: i32) -> f64 {
    let power = |e: i32| f64::from_bits(((e + 1023) as u64) << 52);
    let half = exponent / 2;
    // A factor 2^-1023 is no normal number.
    value * power(half.max(-1022)) * power((exponent - half).max(-1022))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_divided_by_its_power_of_two_lies_between_one_and_two_and_comes_back() {
        for value in [1.0, 3.0, -0.1, 1e300, -1e-300, f64::MAX, f64::MIN_POSITIVE] {
            let e = exponent(value);
            let scaled = times_power_of_two(value, -e);
            assert!((1.0..2.0).contains(&scaled.abs()), "{value}: {scaled}");
            assert_eq!(times_power_of_two(scaled, e), value);
        }
        assert_eq!((exponent(0.0), exponent(5e-324)), (-1022, -1022));
        assert_eq!(times_power_of_two(1e300, 2046), f64::INFINITY);
    }
}
