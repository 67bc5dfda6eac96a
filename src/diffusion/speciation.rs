//! When, by theory, the reverse process chooses between the classes of the data (Biroli et al. 2024).

use super::Schedule;
use super::sample::late_start::Moments;
use crate::numeric::random::Stream;
use ndarray::{Array1, Array2, ArrayView2, Axis};
use ndarray_linalg::{EigValsh, UPLO};

/// Dimensions from which on the covariance is not written out: its decomposition takes `d^3` operations.
const LARGE: usize = 1024;

/// Steps of the Lanczos iteration, which finds the largest eigenvalue of images' covariances to many digits.
const STEPS: usize = 48;

/// The largest eigenvalue `Lambda` of the covariance of points `(n, d)`; none for fewer than two points, or where it is no
/// number. From 1024 dimensions on it is that of a Lanczos iteration, a lower bound.
pub fn largest_eigenvalue(points: ArrayView2<f64>) -> Option<f64> {
    if points.ncols() >= LARGE {
        return by_lanczos(points);
    }
    let moments = Moments::of(points).ok().filter(|_| points.nrows() > 1)?;
    let values = moments.covariance.eigvalsh(UPLO::Lower).ok()?;
    values.into_iter().reduce(f64::max).filter(|value| value.is_finite())
}

/// The largest eigenvalue of a Lanczos iteration with the covariance, whose vectors are kept orthogonal (Golub & Van Loan 2013,
/// section 10.3). It begins with a fixed random vector.
fn by_lanczos(points: ArrayView2<f64>) -> Option<f64> {
    let (n, d) = points.dim();
    let mean = points.mean_axis(Axis(0)).filter(|_| n > 1)?;
    let centred = &points - &mean;
    let start = Stream::new(0, 0, "lanczos").standard_normal(0, 1, d).row(0).to_owned();
    let mut basis: Vec<Array1<f64>> = vec![&start / start.dot(&start).sqrt()];
    let (mut diagonal, mut beside) = (Vec::new(), Vec::new());
    for _ in 0..STEPS {
        let last = basis.last().expect("there is a first vector");
        let mut next = centred.t().dot(&centred.dot(last)) / (n - 1) as f64;
        diagonal.push(last.dot(&next));
        // Twice is enough (Kahan, in Parlett 1998).
        for vector in basis.iter().chain(&basis) {
            let part = vector.dot(&next);
            next.scaled_add(-part, vector);
        }
        let length = next.dot(&next).sqrt();
        let largest = diagonal.iter().fold(0.0, |m: f64, v| m.max(v.abs()));
        if length.is_nan() || length <= 1e-14 * largest {
            break;
        }
        beside.push(length);
        basis.push(next / length);
    }
    let k = diagonal.len();
    let tridiagonal = Array2::from_shape_fn((k, k), |(i, j)| match i.abs_diff(j) {
        0 => diagonal[i],
        1 => beside[i.min(j)],
        _ => 0.0,
    });
    let values = tridiagonal.eigvalsh(UPLO::Lower).ok()?;
    values.into_iter().reduce(f64::max).filter(|value| value.is_finite())
}

/// The reverse step at which the process speciates, of a sampler that visits the steps `times`, downwards: the first that is
/// not above the speciation time, which is the first `t` with `abar_t Lambda < 1` ([`Schedule::speciation_step`]). None
/// where the sampler begins at that time or below.
pub fn reverse_step(schedule: &Schedule, times: &[usize], largest_eigenvalue: f64) -> Option<usize> {
    let speciation = schedule.speciation_step(largest_eigenvalue)?;
    let first = times.iter().chain([&0]).position(|&t| t <= speciation)?;
    (first > 0).then_some(first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_iteration_finds_the_largest_eigenvalue() {
        let normal = Stream::new(1, 0, "points").standard_normal(0, 90, 60);
        // Variances that fall as those of images do, and all alike, where nothing stands out.
        for power in [1.0, 0.5, 0.0] {
            let points =
                Array2::from_shape_fn((90, 60), |(i, j)| 3.0 + normal[[i, j]] / (1.0 + j as f64).powf(power));
            let exact = largest_eigenvalue(points.view()).unwrap();
            let found = by_lanczos(points.view()).unwrap();
            assert!((found - exact).abs() <= 1e-7 * exact, "{power}: {found} {exact}");
        }
    }

    #[test]
    fn its_edges_are_those_of_the_decomposition() {
        let constant = Array2::from_elem((5, 3), 2.0);
        assert_eq!(by_lanczos(constant.view()), Some(0.0));
        assert_eq!(largest_eigenvalue(constant.view()), Some(0.0));
        assert_eq!(by_lanczos(constant.slice(ndarray::s![..1, ..])), None);
        let mut one = Array2::zeros((4, 1));
        one[[0, 0]] = 2.0;
        assert!((by_lanczos(one.view()).unwrap() - 1.0).abs() < 1e-12);
        one[[1, 0]] = f64::NAN;
        assert_eq!(by_lanczos(one.view()), None);
    }
}
