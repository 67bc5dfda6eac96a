//! Transforms one after the other: the space in which a pipeline diffuses.

use super::SpaceError;
use super::fitted::Fitted;
use super::options::{FitContext, TransformOptions};
use super::scaling::Scaling;
use super::transform::LogDet;
use super::whitening::Whitening;
use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::gaussianize::{FitReport, Gaussianizer};
use crate::numeric::normal;
use ndarray::{Array1, Array2, ArrayView2};
use serde::{Deserialize, Serialize};

/// A fitted chain `x -> z`; without a transform it is the identity.
/// ```
/// use gdiff::space::{Chain, Fitted, ScaleKind, Scaling};
/// use ndarray::array;
///
/// let x = array![[1.0, 10.0], [3.0, 30.0], [2.0, 50.0]];
/// let chain = Chain::new(vec![Fitted::Scaling(Scaling::fit(ScaleKind::MinMax, x.view())?)]);
/// let (z, each, constant) = chain.forward_with_log_det(x.view());
/// assert_eq!(chain.inverse(z.view()), x);
/// assert!((each[0] + constant + 20.0_f64.ln()).abs() < 1e-12);
/// # Ok::<(), gdiff::space::ConstantColumn>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Chain {
    transforms: Vec<Fitted>,
}

/// What the fit of a chain gives.
pub struct FittedChain {
    /// The chain.
    pub chain: Chain,
    /// The training points in its last space, `(n, d)`.
    pub points: Array2<f64>,
    /// The reports of its Gaussianizers, in their order.
    pub reports: Vec<FitReport>,
}

/// A transform as a file keeps it. The numbers of a Gaussianizer are in a safetensors file of their own.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "transform")]
enum Stored {
    Scaling { shift: Vec<f64>, scale: Vec<f64> },
    Whitening(Whitening),
    Gaussianize { file: String },
}

impl Chain {
    /// A chain of transforms that are fitted already.
    pub fn new(transforms: Vec<Fitted>) -> Self {
        Self { transforms }
    }

    /// Fits the transforms one after the other, each to what the ones before it make of the points `(n, d)`.
    ///
    /// # Errors
    /// If one of them cannot be fitted.
    pub fn fit(
        options: &[TransformOptions],
        x: ArrayView2<f64>,
        context: &mut FitContext,
    ) -> Result<FittedChain, SpaceError> {
        let (mut transforms, mut reports, mut points) = (Vec::new(), Vec::new(), x.to_owned());
        for option in options {
            let fit = option.fit(points.view(), context)?;
            points = fit.transform.transform().forward(points.view());
            reports.extend(fit.report);
            transforms.push(fit.transform);
        }
        Ok(FittedChain { chain: Self { transforms }, points, reports })
    }

    /// Its transforms, in order.
    pub fn transforms(&self) -> &[Fitted] {
        &self.transforms
    }

    /// Its first Gaussianizer.
    pub fn gaussianizer(&self) -> Option<&Gaussianizer> {
        self.transforms.iter().find_map(|transform| match transform {
            Fitted::Gaussianize(map) => Some(map),
            _ => None,
        })
    }

    /// The transforms before the first Gaussianizer: what its points have been through.
    pub fn before_gaussianizer(&self) -> Self {
        let before = self.transforms.iter().take_while(|t| !matches!(t, Fitted::Gaussianize(_)));
        Self { transforms: before.cloned().collect() }
    }

    /// To the last space, `(n, d) -> (n, d)`.
    pub fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.transforms.iter().fold(x.to_owned(), |x, transform| transform.transform().forward(x.view()))
    }

    /// Back to data space, `(n, d) -> (n, d)`; infinite where an inverse leaves the range of numbers.
    pub fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        self.transforms
            .iter()
            .rev()
            .fold(z.to_owned(), |z, transform| transform.transform().inverse(z.view()))
    }

    /// Whether it has but scalings, axis by axis: such a space is no model of the data.
    pub fn is_only_scaling(&self) -> bool {
        self.transforms.iter().all(|transform| matches!(transform, Fitted::Scaling(_)))
    }

    /// [`forward`](Self::forward), and `log |det dz/dx|` in two parts: of each point `(n)`, and what is the same for all.
    pub fn forward_with_log_det(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>, f64) {
        let (mut z, mut each, mut constant) = (x.to_owned(), Array1::zeros(x.nrows()), 0.0);
        for transform in &self.transforms {
            let (next, log_det) = transform.transform().forward_with_log_det(z.view());
            z = next;
            match log_det {
                LogDet::Constant(value) => constant += value,
                LogDet::Each(values) => each += &values,
            }
        }
        (z, each, constant)
    }

    /// The density that the chain gives to each of the points `(n, d)` if its last space is taken for independent standard
    /// normal: `log N(z; 0, I) + log |det dz/dx|`, nats, `(n,)`.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        let (each, constant) = self.terms_of_log_density(x);
        each + constant
    }

    /// Its mean over the points; none without points.
    pub fn mean_log_density(&self, x: ArrayView2<f64>) -> Option<f64> {
        let (each, constant) = self.terms_of_log_density(x);
        // The constants are added at the end, where they cost no precision of the terms that differ.
        Some(each.mean()? + constant)
    }

    fn terms_of_log_density(&self, x: ArrayView2<f64>) -> (Array1<f64>, f64) {
        let (z, mut each, constant) = self.forward_with_log_det(x);
        for (total, z) in each.iter_mut().zip(z.rows()) {
            *total += z.iter().map(|v| normal::log_pdf(*v)).sum::<f64>();
        }
        (each, constant)
    }

    /// The mixture that the last space has if data space has `mixture`; none if it is no Gaussian mixture there.
    ///
    /// # Errors
    /// If a covariance cannot be factored.
    pub fn push_forward(&self, mixture: &GaussianMixture) -> Result<Option<GaussianMixture>, MixtureError> {
        let mut mixture = mixture.clone();
        for transform in &self.transforms {
            match transform.transform().push_forward(&mixture)? {
                Some(next) => mixture = next,
                None => return Ok(None),
            }
        }
        Ok(Some(mixture))
    }

    /// The chain as JSON: each transform with its numbers, a Gaussianizer with the name of its file.
    pub fn to_json(&self) -> serde_json::Value {
        let mut gaussianizers = 0;
        let stored = |transform: &Fitted| match transform {
            Fitted::Scaling(s) => Stored::Scaling { shift: s.shift.to_vec(), scale: s.scale.to_vec() },
            Fitted::Whitening(whitening) => Stored::Whitening(whitening.clone()),
            Fitted::Gaussianize(_) => {
                gaussianizers += 1;
                Stored::Gaussianize { file: file_name(gaussianizers) }
            }
        };
        let stored: Vec<Stored> = self.transforms.iter().map(stored).collect();
        serde_json::to_value(stored).expect("numbers and words have a JSON form")
    }

    /// The Gaussianizers, under the names that [`to_json`](Self::to_json) gives their files.
    pub fn gaussianizers(&self) -> Vec<(String, &Gaussianizer)> {
        let maps = self.transforms.iter().filter_map(|transform| match transform {
            Fitted::Gaussianize(map) => Some(map),
            _ => None,
        });
        maps.enumerate().map(|(i, map)| (file_name(i + 1), map)).collect()
    }

    /// Dimension of the points; none without a transform, which takes points of any.
    pub fn dim(&self) -> Option<usize> {
        self.transforms.first().map(|transform| match transform {
            Fitted::Scaling(scaling) => scaling.shift.len(),
            Fitted::Whitening(whitening) => whitening.dim(),
            Fitted::Gaussianize(map) => map.dim(),
        })
    }

    /// The chain of what [`to_json`](Self::to_json) gave; `read` gives the bytes of a file by its name.
    ///
    /// # Errors
    /// If the JSON is no chain, a file is missing or damaged, or the dimensions differ.
    pub fn from_files(
        json: &serde_json::Value,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, SpaceError> {
        let failed = SpaceError::Stored;
        let stored: Vec<Stored> = serde_json::from_value(json.clone()).map_err(|e| failed(e.to_string()))?;
        let mut transforms = Vec::new();
        let mut dims = Vec::new();
        for transform in stored {
            transforms.push(match transform {
                Stored::Scaling { shift, scale } => {
                    if shift.len() != scale.len()
                        || shift.is_empty()
                        || !scale.iter().all(|s| *s > 0.0 && s.is_finite())
                    {
                        return Err(failed("a scaling is damaged".to_string()));
                    }
                    dims.push(shift.len());
                    Fitted::Scaling(Scaling { shift: Array1::from(shift), scale: Array1::from(scale) })
                }
                Stored::Whitening(whitening) => {
                    if !whitening.is_consistent() {
                        return Err(failed("a whitening is damaged".to_string()));
                    }
                    dims.push(whitening.dim());
                    Fitted::Whitening(whitening)
                }
                Stored::Gaussianize { file } => {
                    let map = Gaussianizer::from_safetensors(&read(&file).map_err(failed)?)?;
                    dims.push(map.dim());
                    Fitted::Gaussianize(map)
                }
            });
        }
        match dims.windows(2).all(|pair| pair[0] == pair[1]) {
            true => Ok(Self { transforms }),
            false => Err(failed("its transforms have different dimensions".to_string())),
        }
    }
}

/// The file of the Gaussianizer of that number, from 1.
fn file_name(number: usize) -> String {
    match number {
        1 => "gaussianizer.safetensors".to_string(),
        more => format!("gaussianizer-{more}.safetensors"),
    }
}
