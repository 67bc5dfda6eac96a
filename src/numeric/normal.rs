//! The standard normal distribution, on scales where nothing underflows.
//!
//! A kernel density far from its data has `F` or `1 - F` below the smallest double long before the
//! point stops mattering, so both tails are carried as logarithms and inverted from the smaller one.
//! `erfc` is W. J. Cody's rational approximation (SPECFUN, 1969 and 1990); the quantile is Wichura's
//! AS 241 down to `log p = -700` and a Newton iteration on `log(1 - Phi)` below. Both are accurate
//! to a few units in the last place, which the oracle tests hold them to.

use super::simd::{LANES, Lanes};
use std::f64::consts::{FRAC_1_SQRT_2, LN_2};

/// `log sqrt(2 pi)`.
pub const LOG_SQRT_2PI: f64 = 0.918_938_533_204_672_8;
/// `1 / sqrt(2 pi)`.
pub const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
const INV_SQRT_PI: f64 = 0.564_189_583_547_756_3;

/// Log-density of N(0, 1): `-x^2 / 2 - log sqrt(2 pi)`.
pub fn log_pdf(x: f64) -> f64 {
    -0.5 * x * x - LOG_SQRT_2PI
}

/// Density of N(0, 1).
pub fn pdf(x: f64) -> f64 {
    INV_SQRT_2PI * (-0.5 * x * x).exp()
}

/// `Phi(x)`, with full relative accuracy in the lower tail.
pub fn cdf(x: f64) -> f64 {
    if x > -1.0 {
        return 0.5 * erfc(-x * FRAC_1_SQRT_2);
    }
    if x < -38.6 {
        return 0.0;
    }
    let head = (x * 16.0).trunc() / 16.0;
    let square = (-0.5 * head * head).exp() * (-0.5 * (x - head) * (x + head)).exp();
    0.5 * square * erfcx(-x * FRAC_1_SQRT_2)
}

/// `log Phi(x)`, finite for every `|x|` below 1e150.
pub fn log_cdf(x: f64) -> f64 {
    if x > 0.0 {
        (-cdf(-x)).ln_1p()
    } else if x > -1.0 {
        cdf(x).ln()
    } else {
        -0.5 * x * x + (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln()
    }
}

/// `log(1 - Phi(x))`.
pub fn log_sf(x: f64) -> f64 {
    log_cdf(-x)
}

/// `Phi^-1` from both tails `p = F` and `q = 1 - F` on the linear scale; the smaller one decides.
pub fn quantile(p: f64, q: f64) -> f64 {
    let tail = p.min(q);
    let offset = 0.5 - tail;
    let z = if offset <= 0.425 { central(offset) } else { upper_from_log(tail.ln()) };
    if p < q { -z } else { z }
}

/// `Phi^-1` from `log F` and `log(1 - F)` (G 12); the smaller tail decides, so the result is finite
/// and monotone as long as the logarithms are.
pub fn quantile_from_logs(log_p: f64, log_q: f64) -> f64 {
    let log_tail = log_p.min(log_q);
    let offset = -0.5 * (log_tail + LN_2).exp_m1();
    let z = if offset <= 0.425 { central(offset) } else { upper_from_log(log_tail) };
    if log_p < log_q { -z } else { z }
}

/// `x > 0` with `Phi(x) = 1/2 + offset`, for offsets up to 0.425.
fn central(offset: f64) -> f64 {
    const A: [f64; 8] = [
        3.387_132_872_796_366_5,
        133.141_667_891_784_38,
        1_971.590_950_306_551_3,
        13_731.693_765_509_46,
        45_921.953_931_549_87,
        67_265.770_927_008_7,
        33_430.575_583_588_13,
        2_509.080_928_730_122_7,
    ];
    const B: [f64; 8] = [
        1.0,
        42.313_330_701_600_91,
        687.187_007_492_057_9,
        5_394.196_021_424_751,
        21_213.794_301_586_597,
        39_307.895_800_092_71,
        28_729.085_735_721_943,
        5_226.495_278_852_855,
    ];
    let r = 0.180_625 - offset * offset;
    offset * horner(&A, r) / horner(&B, r)
}

/// `x > 0` with `log(1 - Phi(x)) = log_q`, for `log_q` below `log 0.075`.
fn upper_from_log(log_q: f64) -> f64 {
    const C: [f64; 8] = [
        1.423_437_110_749_683_5,
        4.630_337_846_156_546,
        5.769_497_221_460_691,
        3.647_848_324_763_204_5,
        1.270_458_252_452_368_4,
        0.241_780_725_177_450_6,
        0.022_723_844_989_269_184,
        7.745_450_142_783_414e-4,
    ];
    const D: [f64; 8] = [
        1.0,
        2.053_191_626_637_759,
        1.676_384_830_183_803_8,
        0.689_767_334_985_1,
        0.148_103_976_427_480_08,
        0.015_198_666_563_616_457,
        5.475_938_084_995_345e-4,
        1.050_750_071_644_416_9e-9,
    ];
    const E: [f64; 8] = [
        6.657_904_643_501_103,
        5.463_784_911_164_114,
        1.784_826_539_917_291_3,
        0.296_560_571_828_504_87,
        0.026_532_189_526_576_124,
        1.242_660_947_388_078_4e-3,
        2.711_555_568_743_487_6e-5,
        2.010_334_399_292_288_1e-7,
    ];
    const F: [f64; 8] = [
        1.0,
        0.599_832_206_555_888,
        0.136_929_880_922_735_8,
        0.014_875_361_290_850_615,
        7.868_691_311_456_133e-4,
        1.846_318_317_510_054_8e-5,
        1.421_511_758_316_446e-7,
        2.044_263_103_389_939_8e-15,
    ];
    let r = (-log_q).sqrt();
    if r <= 5.0 {
        return horner(&C, r - 1.6) / horner(&D, r - 1.6);
    }
    if r <= 26.4 {
        return horner(&E, r - 5.0) / horner(&F, r - 5.0);
    }
    if !log_q.is_finite() {
        return f64::MAX;
    }
    // Mills' ratio gives x^2 = -2 log q - 2 log(x sqrt(2 pi)) to first order; Newton does the rest.
    let mut x = std::f64::consts::SQRT_2 * r;
    x = (2.0 * (-log_q - x.ln() - LOG_SQRT_2PI)).sqrt();
    for _ in 0..4 {
        let mills = 0.5 * erfcx(x * FRAC_1_SQRT_2);
        let excess = -0.5 * x * x + mills.ln() - log_q;
        let step = excess * mills / INV_SQRT_2PI;
        x += step;
        if step.abs() <= 1e-15 * x {
            break;
        }
    }
    x
}

fn horner(coefficients: &[f64; 8], x: f64) -> f64 {
    coefficients.iter().rev().fold(0.0, |acc, c| acc * x + c)
}

/// The complementary error function `erfc(x)`, to a relative 1e-15 while it does not underflow.
pub fn erfc(x: f64) -> f64 {
    let y = x.abs();
    if y <= 0.468_75 {
        return 1.0 - erf_near_zero(x);
    }
    let upper = if y > 27.3 { 0.0 } else { exp_minus_square(y) * erfcx_positive(y) };
    if x < 0.0 { 2.0 - upper } else { upper }
}

/// The scaled complement `exp(x^2) erfc(x)` for `x >= 0`.
pub fn erfcx(x: f64) -> f64 {
    if x <= 0.468_75 { (x * x).exp() * (1.0 - erf_near_zero(x)) } else { erfcx_positive(x) }
}

/// `exp(-y^2)` without the rounding of `y^2`: the square is split at a multiple of 1/16.
fn exp_minus_square(y: f64) -> f64 {
    let head = (y * 16.0).trunc() / 16.0;
    (-head * head).exp() * (-(y - head) * (y + head)).exp()
}

fn erf_near_zero(x: f64) -> f64 {
    let y2 = x * x;
    let mut num = 1.857_777_061_846_031_5e-1 * y2;
    let mut den = y2;
    for (a, b) in [
        (3.161_123_743_870_565_6, 2.360_129_095_234_412_2e1),
        (1.138_641_541_510_501_6e2, 2.440_246_379_344_441_7e2),
        (3.774_852_376_853_02e2, 1.282_616_526_077_372_3e3),
    ] {
        num = (num + a) * y2;
        den = (den + b) * y2;
    }
    x * (num + 3.209_377_589_138_469_4e3) / (den + 2.844_236_833_439_171e3)
}

fn erfcx_positive(y: f64) -> f64 {
    if y <= 4.0 { erfcx_below_4(y) } else { erfcx_above_4(y) }
}

/// [`erfcx`] of eight numbers above 0.46875 side by side, with the same bits.
#[inline(always)]
pub fn erfcx_of_lanes(y: Lanes) -> Lanes {
    let mut out = y;
    for l in 0..LANES {
        let (below, above) = (erfcx_below_4(y.0[l]), erfcx_above_4(y.0[l]));
        out.0[l] = if y.0[l] <= 4.0 { below } else { above };
    }
    out
}

/// For `y` from 0.46875 to 4.
#[inline(always)]
fn erfcx_below_4(y: f64) -> f64 {
    let mut num = 2.153_115_354_744_038_3e-8 * y;
    let mut den = y;
    for (c, d) in [
        (5.641_884_969_886_701e-1, 1.574_492_611_070_983_5e1),
        (8.883_149_794_388_377, 1.176_939_508_913_125e2),
        (6.611_919_063_714_163e1, 5.371_811_018_620_099e2),
        (2.986_351_381_974_001e2, 1.621_389_574_566_690_3e3),
        (8.819_522_212_417_69e2, 3.290_799_235_733_459_7e3),
        (1.712_047_612_634_070_7e3, 4.362_619_090_143_247e3),
        (2.051_078_377_826_071_6e3, 3.439_367_674_143_721_6e3),
    ] {
        num = (num + c) * y;
        den = (den + d) * y;
    }
    (num + 1.230_339_354_797_997_2e3) / (den + 1.230_339_354_803_749_5e3)
}

/// For `y` above 4.
#[inline(always)]
fn erfcx_above_4(y: f64) -> f64 {
    let inv2 = 1.0 / (y * y);
    let mut num = 1.631_538_713_730_209_7e-2 * inv2;
    let mut den = inv2;
    for (p, q) in [
        (3.053_266_349_612_323_6e-1, 2.568_520_192_289_822),
        (3.603_448_999_498_044_5e-1, 1.872_952_849_923_460_4),
        (1.257_817_261_112_292_6e-1, 5.279_051_029_514_285e-1),
        (1.608_378_514_874_227_5e-2, 6.051_834_131_244_132e-2),
    ] {
        num = (num + p) * inv2;
        den = (den + q) * inv2;
    }
    let tail = inv2 * (num + 6.587_491_615_298_378e-4) / (den + 2.335_204_976_268_691_8e-3);
    (INV_SQRT_PI - tail) / y
}
