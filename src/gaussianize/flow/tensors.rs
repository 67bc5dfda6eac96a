//! A flow as named tensors: `bins`; per coupling `c` its `c.rotation`, and per dense layer `i` of its network `c.i.weight` and
//! `c.i.bias`.

use super::spline::numbers;
use super::{Coupling, Dense, Flow};
use ndarray::{Array1, Array2};

/// Bins at most.
const MOST_BINS: f64 = 256.0;

/// Shape and values of a tensor.
pub type Tensor = (Vec<usize>, Vec<f64>);

impl Flow {
    /// Its tensors.
    pub(in crate::gaussianize) fn tensors(&self) -> Vec<(String, Tensor)> {
        let mut tensors = vec![("bins".to_string(), (vec![1], vec![self.bins as f64]))];
        let matrix = |m: &Array2<f64>| (m.shape().to_vec(), m.iter().copied().collect());
        for (c, coupling) in self.couplings.iter().enumerate() {
            tensors.push((format!("{c}.rotation"), matrix(&coupling.rotation)));
            for (i, dense) in coupling.network.iter().enumerate() {
                tensors.push((format!("{c}.{i}.weight"), matrix(&dense.weight)));
                tensors.push((format!("{c}.{i}.bias"), (vec![dense.bias.len()], dense.bias.to_vec())));
            }
        }
        tensors
    }

    /// The flow of `d` axes of these tensors, `read` gives each by its name; none if they are no flow.
    pub(in crate::gaussianize) fn of_tensors(
        d: usize,
        read: &dyn Fn(&str) -> Option<Tensor>,
    ) -> Option<Self> {
        let matrix = |name: &str| {
            let (shape, values) = read(name)?;
            let [rows, columns] = shape[..] else { return None };
            Array2::from_shape_vec((rows, columns), values).ok()
        };
        let bins = *read("bins")?.1.first()?;
        if !((1.0..=MOST_BINS).contains(&bins) && bins.fract() == 0.0) {
            return None;
        }
        let mut couplings = Vec::new();
        while let Some(rotation) = matrix(&format!("{}.rotation", couplings.len())) {
            let c = couplings.len();
            let mut network = Vec::new();
            while let Some(weight) = matrix(&format!("{c}.{}.weight", network.len())) {
                let bias = Array1::from(read(&format!("{c}.{}.bias", network.len()))?.1);
                network.push(Dense { weight, bias });
            }
            couplings.push(Coupling { rotation, network });
        }
        let flow = Self { dim: d, bins: bins as usize, couplings };
        flow.is_consistent().then_some(flow)
    }

    /// Whether all shapes belong together and all numbers are finite.
    fn is_consistent(&self) -> bool {
        let kept = self.kept();
        let coupling = |coupling: &Coupling| {
            let mut inputs = kept.max(1);
            let fits = coupling.network.iter().all(|dense| {
                let fine = dense.weight.ncols() == inputs
                    && dense.weight.nrows() == dense.bias.len()
                    && dense.weight.iter().chain(&dense.bias).all(|v| v.is_finite());
                inputs = dense.weight.nrows();
                fine
            });
            let square = coupling.rotation.dim() == (self.dim, self.dim);
            square
                && coupling.rotation.iter().all(|v| v.is_finite())
                && fits
                && inputs == (self.dim - kept) * numbers(self.bins)
        };
        self.dim > 0 && !self.couplings.is_empty() && self.couplings.iter().all(coupling)
    }
}
