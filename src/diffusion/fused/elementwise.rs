//! Activations, value by value, written so that the compiler turns them into vector instructions.
//!
//! `exp`, `tanh` and the error function are polynomials that err by a few units in the last place of
//! `f32`; there is no branch and no table in them.

use crate::diffusion::Activation;
use pulp::{Simd, WithSimd};
use std::f32::consts::{FRAC_1_SQRT_2, LOG2_E};

/// `y = act(y)`, and `derivative = act'` there. With ReLU, or without interest in the gradient, `derivative` is empty.
pub(super) struct Activate<'a> {
    pub activation: Activation,
    pub y: &'a mut [f32],
    pub derivative: &'a mut [f32],
}

impl WithSimd for Activate<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { activation, y, derivative } = self;
        match activation {
            Activation::Relu => y.iter_mut().for_each(|y| *y = y.max(0.0)),
            Activation::Silu => each(y, derivative, silu),
            Activation::Tanh => each(y, derivative, |x| {
                let y = tanh(x);
                (y, 1.0 - y * y)
            }),
            Activation::Gelu => each(y, derivative, gelu),
        }
    }
}

#[inline(always)]
fn each(y: &mut [f32], derivative: &mut [f32], f: impl Fn(f32) -> (f32, f32)) {
    if derivative.is_empty() {
        return y.iter_mut().for_each(|y| *y = f(*y).0);
    }
    for (y, derivative) in y.iter_mut().zip(derivative) {
        (*y, *derivative) = f(*y);
    }
}

/// `delta = delta * act'`, with the derivative that [`Activate`] left, or for ReLU from its result: 1 where
/// that is positive, 0 elsewhere.
pub(super) struct Chain<'a> {
    pub activation: Activation,
    pub delta: &'a mut [f32],
    pub y: &'a [f32],
    pub derivative: &'a [f32],
}

impl WithSimd for Chain<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { activation, delta, y, derivative } = self;
        if activation == Activation::Relu {
            delta.iter_mut().zip(y).for_each(|(d, y)| *d = if *y > 0.0 { *d } else { 0.0 });
        } else {
            delta.iter_mut().zip(derivative).for_each(|(d, derivative)| *d *= derivative);
        }
    }
}

/// `a = a * b`.
pub(super) struct Multiply<'a> {
    pub a: &'a mut [f32],
    pub b: &'a [f32],
}

impl WithSimd for Multiply<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        self.a.iter_mut().zip(self.b).for_each(|(a, b)| *a *= b);
    }
}

/// e^x for `x` in about [-87, 88], nearest of those outside. With `x = n ln 2 + r`: 2^n times a polynomial
/// in `r` (Cephes, `expf`).
#[inline(always)]
fn exp(x: f32) -> f32 {
    /// 1.5 * 2^23: added and taken off again, it rounds to an integer, which stays in the lowest bits.
    const ROUND: f32 = 12_582_912.0;
    let x = x.clamp(-87.0, 88.0);
    let shifted = x * LOG2_E + ROUND;
    let n = shifted - ROUND;
    let r = x - n * 0.693_359_4 + n * 2.121_944_4e-4;
    let p = 1.987_569_1e-4;
    let p = p * r + 1.398_199_9e-3;
    let p = p * r + 8.333_452e-3;
    let p = p * r + 4.166_579_6e-2;
    let p = p * r + 1.666_666_5e-1;
    let p = p * r + 0.5;
    let p = p * (r * r) + r + 1.0;
    p * f32::from_bits((shifted.to_bits() << 23).wrapping_add(127 << 23))
}

/// Near 0 a polynomial, elsewhere `1 - 2 / (e^2|x| + 1)` (Cephes, `tanhf`).
#[inline(always)]
fn tanh(x: f32) -> f32 {
    let (a, z) = (x.abs(), x * x);
    let p = -5.704_988_7e-3;
    let p = p * z + 2.063_908_8e-2;
    let p = p * z - 5.373_971_4e-2;
    let p = p * z + 1.333_144_2e-1;
    let p = p * z - 3.333_328_3e-1;
    let near = p * z * x + x;
    let far = (1.0 - 2.0 / (exp(2.0 * a) + 1.0)).copysign(x);
    // NaN is not larger, and goes through the polynomial.
    if a > 0.625 { far } else { near }
}

/// `x sigma(x)` and its derivative.
#[inline(always)]
pub(super) fn silu(x: f32) -> (f32, f32) {
    let sigmoid = 1.0 / (1.0 + exp(-x));
    let y = x * sigmoid;
    (y, sigmoid * (1.0 - y) + y)
}

/// `x Phi(x)` and `Phi(x) + x phi(x)`.
#[inline(always)]
fn gelu(x: f32) -> (f32, f32) {
    /// 1 / sqrt(2 pi).
    const DENSITY: f32 = 0.398_942_3;
    let tail = 0.5 * erfc(x.abs() * FRAC_1_SQRT_2);
    let below = if x > 0.0 { 1.0 - tail } else { tail };
    (x * below, below + x * DENSITY * exp(-0.5 * x * x))
}

/// `2 / sqrt(pi) int_z^inf e^-t^2 dt` for `z >= 0`, to a relative 1.2e-7 (Press et al. 1992, "Numerical
/// Recipes in C", section 6.2, `erfcc`).
#[inline(always)]
fn erfc(z: f32) -> f32 {
    let t = 1.0 / (1.0 + 0.5 * z);
    let p = 0.170_872_77;
    let p = p * t - 0.822_152_23;
    let p = p * t + 1.488_515_9;
    let p = p * t - 1.135_204;
    let p = p * t + 0.278_868_07;
    let p = p * t - 0.186_288_06;
    let p = p * t + 0.096_784_18;
    let p = p * t + 0.374_091_96;
    let p = p * t + 1.000_023_7;
    let p = p * t - 1.265_512_2;
    t * exp(p - z * z)
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::{Device, Tensor, Var};

    fn grid() -> Vec<f32> {
        (-20_000..=20_000).map(|i| i as f32 / 1000.0).chain([-1e4, -100.0, 100.0, 1e4]).collect()
    }

    #[test]
    fn activations_and_derivatives_are_those_of_the_graph() {
        for activation in [Activation::Relu, Activation::Silu, Activation::Tanh, Activation::Gelu] {
            // The graph's ReLU has derivative 1 at exactly 0.
            let x: Vec<f32> = grid().into_iter().filter(|x| *x != 0.0).collect();
            let var = Var::from_tensor(&Tensor::new(x.as_slice(), &Device::Cpu).unwrap()).unwrap();
            let graph = activation.apply(&var).unwrap();
            let derivatives = graph.sum_all().unwrap().backward().unwrap();
            let derivatives = derivatives.get(&var).unwrap().to_vec1::<f32>().unwrap();
            let (mut y, mut derivative, mut delta) = (x.clone(), vec![0.0; x.len()], vec![1.0; x.len()]);
            pulp::Arch::new().dispatch(Activate { activation, y: &mut y, derivative: &mut derivative });
            pulp::Arch::new().dispatch(Chain {
                activation,
                delta: &mut delta,
                y: &y,
                derivative: &derivative,
            });
            for (i, x) in x.iter().enumerate() {
                let expected = graph.get(i).unwrap().to_scalar::<f32>().unwrap();
                assert!((y[i] - expected).abs() <= 1e-6 * x.abs().max(1.0), "{activation:?} {x}: {}", y[i]);
                assert!((delta[i] - derivatives[i]).abs() <= 4e-6, "{activation:?}' {x}: {}", delta[i]);
            }
        }
    }

    #[test]
    fn what_is_not_a_number_stays_none() {
        for activation in [Activation::Silu, Activation::Tanh, Activation::Gelu] {
            let mut y = [f32::NAN];
            pulp::Arch::new().dispatch(Activate { activation, y: &mut y, derivative: &mut [] });
            assert!(y[0].is_nan(), "{activation:?}");
        }
    }
}
