//! Orthogonal matrices: the nearest one to a given matrix, and a uniformly random one.

use ndarray::Array2;
use ndarray_linalg::{Eigh, QR, UPLO};

/// The orthogonal matrix nearest to `m`: `(m m^T)^(-1/2) m`.
///
/// # Errors
/// A sentence when `m` is singular or not finite.
pub fn orthonormalize(m: &Array2<f64>) -> Result<Array2<f64>, String> {
    let (values, vectors) = m.dot(&m.t()).eigh(UPLO::Lower).map_err(|e| e.to_string())?;
    let largest = values.iter().copied().fold(0.0, f64::max);
    if !values.iter().all(|v| *v > 1e-14 * largest) {
        return Err("the directions are not independent".into());
    }
    let scaled = &vectors / &values.mapv(f64::sqrt);
    Ok(scaled.dot(&vectors.t()).dot(m))
}

/// A rotation drawn uniformly (Haar) from `(d, d)` standard normal numbers: the Q of their QR factors,
/// columns signed so that R has a positive diagonal.
///
/// # Errors
/// A sentence when the factorization fails.
pub fn haar(normal: &Array2<f64>) -> Result<Array2<f64>, String> {
    let (q, r) = normal.qr().map_err(|e| e.to_string())?;
    let signs = r.diag().mapv(|v| if v < 0.0 { -1.0 } else { 1.0 });
    Ok(q * &signs)
}
