//! The flow on the candle graph, for its training.

use super::spline::{BOUND, SMALLEST, numbers, unit_derivative};
use candle_core::{D, DType, Device, Result, Tensor, Var};
use candle_nn::ops::softmax;

/// A coupling layer whose network is trained.
pub struct GraphLayer {
    /// `(d, d)`.
    pub rotation: Tensor,
    /// Weights `(out, in)` and biases `(out)`.
    pub network: Vec<(Var, Var)>,
}

/// `-mean(log N(z; 0, I) + log |det dz/dh|)` of whitened points `h` `(n, d)`, up to the determinant of the whitening.
pub fn loss(layers: &[GraphLayer], h: &Tensor, bins: usize) -> Result<Tensor> {
    let (n, d) = h.dims2()?;
    let kept = d / 2;
    let mut h = h.clone();
    let mut log_det = Tensor::zeros(n, DType::F32, h.device())?;
    for layer in layers {
        h = h.matmul(&layer.rotation.t()?)?;
        let (first, second) = (h.narrow(1, 0, kept)?, h.narrow(1, kept, d - kept)?);
        let mut raw =
            if kept == 0 { Tensor::zeros((n, 1), DType::F32, h.device())? } else { first.contiguous()? };
        for (i, (weight, bias)) in layer.network.iter().enumerate() {
            raw = raw.matmul(&weight.t()?)?.broadcast_add(bias)?;
            if i + 1 < layer.network.len() {
                raw = raw.relu()?;
            }
        }
        let raw = raw.reshape((n, d - kept, numbers(bins)))?;
        let (mapped, own) = spline(&second.contiguous()?, &raw, bins)?;
        h = Tensor::cat(&[&first, &mapped], 1)?;
        log_det = (log_det + own.sum(1)?)?;
    }
    let normal = (h.sqr()?.sum(1)? * 0.5)?;
    let constant = 0.5 * d as f64 * (2.0 * std::f64::consts::PI).ln();
    (normal - log_det)?.mean_all()? + constant
}

/// Ends of the bins, `(n, b, K)` the lower and the widths, of a softmax of `raw`.
fn ends(raw: &Tensor, bins: usize) -> Result<(Tensor, Tensor)> {
    let free = 1.0 - SMALLEST * bins as f64;
    let widths = (softmax(raw, D::Minus1)?.affine(free, SMALLEST)? * (2.0 * BOUND))?;
    // The sum of the widths before each bin.
    let device = raw.device();
    let before: Vec<f32> = (0..bins * bins).map(|i| if i / bins < i % bins { 1.0 } else { 0.0 }).collect();
    let before = Tensor::from_vec(before, (bins, bins), device)?;
    let (n, b, _) = widths.dims3()?;
    let lower = (widths.reshape((n * b, bins))?.matmul(&before)?.reshape((n, b, bins))? - BOUND)?;
    Ok((lower, widths))
}

/// The splines of `x` `(n, b)` with the numbers `raw` `(n, b, numbers(bins))`: values and logarithms of the derivatives.
fn spline(x: &Tensor, raw: &Tensor, bins: usize) -> Result<(Tensor, Tensor)> {
    let (n, b) = x.dims2()?;
    let (lower_x, widths) = ends(&raw.narrow(2, 0, bins)?.contiguous()?, bins)?;
    let (lower_y, heights) = ends(&raw.narrow(2, bins, bins)?.contiguous()?, bins)?;
    let one = Tensor::ones((n, b, 1), DType::F32, x.device())?;
    let derivatives = if bins > 1 {
        let inner = (raw.narrow(2, 2 * bins, bins - 1)? + unit_derivative())?;
        let inner = softplus(&inner)?;
        Tensor::cat(&[&one, &(inner + SMALLEST)?, &one], 2)?
    } else {
        Tensor::cat(&[&one, &one], 2)?
    };
    let bound = BOUND as f32;
    let inside = x.abs()?.le(&Tensor::full(bound, (n, b), x.device())?)?;
    let within = x.clamp(-bound, bound)?.unsqueeze(2)?;
    // The bin: how many lower ends but the first are not above.
    let place = match bins {
        1 => Tensor::zeros((n, b, 1), DType::U32, x.device())?,
        _ => {
            let above = within.detach().broadcast_ge(&lower_x.detach().narrow(2, 1, bins - 1)?)?;
            above.to_dtype(DType::F32)?.sum_keepdim(2)?.to_dtype(DType::U32)?
        }
    };
    let next = (place.to_dtype(DType::F32)? + 1.0)?.to_dtype(DType::U32)?;
    let of = |all: &Tensor, place: &Tensor| all.contiguous()?.gather(place, 2);
    let (x0, width) = (of(&lower_x, &place)?, of(&widths, &place)?);
    let (y0, height) = (of(&lower_y, &place)?, of(&heights, &place)?);
    let (d0, d1) = (of(&derivatives, &place)?, of(&derivatives, &next)?);
    let slope = (&height / &width)?;
    let u = ((within - x0)? / width)?;
    let rest = u.affine(-1.0, 1.0)?;
    let v = (&u * &rest)?;
    let bend = ((&d0 + &d1)? - (&slope * 2.0)?)?;
    let bottom = (&slope + (bend * &v)?)?;
    let top = ((&slope * u.sqr()?)? + (&d0 * &v)?)?;
    let y = (y0 + (height * (top / &bottom)?)?)?.squeeze(2)?;
    let rise = (((&d1 * u.sqr()?)? + (&slope * &v)? * 2.0)? + (&d0 * rest.sqr()?)?)?;
    let log_derivative = ((rise.log()? + (slope.log()? * 2.0)?)? - (bottom.log()? * 2.0)?)?.squeeze(2)?;
    Ok((inside.where_cond(&y, x)?, inside.where_cond(&log_derivative, &x.zeros_like()?)?))
}

/// `log(1 + e^x)`, without overflow.
fn softplus(x: &Tensor) -> Result<Tensor> {
    x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?
}

/// A parameter.
pub fn parameter(values: Vec<f32>, shape: impl Into<candle_core::Shape>) -> Result<Var> {
    Var::from_tensor(&Tensor::from_vec(values, shape.into(), &Device::Cpu)?)
}
