//! Transforms one after the other: the space in which a pipeline diffuses.

use super::SpaceError;
use super::fill::Fill;
use super::fitted::Fitted;
use super::front::front;
use super::options::{FitContext, NamedTransform, TransformOptions};
use super::stored;
use super::transform::{LogDet, Transform};
use crate::data::mixture::{GaussianMixture, MixtureError};
use crate::gaussianize::{FitReport, Gaussianizer};
use crate::numeric::normal;
use ndarray::{Array1, Array2, ArrayView1, ArrayView2};

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
    /// The training points in its last space, `(n, e)`.
    pub points: Array2<f64>,
    /// What was done to the data beside what was asked for, in sentences.
    pub notices: Vec<String>,
    /// The reports of its Gaussianizers, in their order.
    pub reports: Vec<FitReport>,
}

impl Chain {
    /// A chain of transforms that are fitted already.
    pub fn new(transforms: Vec<Fitted>) -> Self {
        Self { transforms }
    }

    /// Fits the transforms one after the other, each to what the ones before it make of the points `(n, d)`. Before the
    /// first one, columns that hold nothing of their own are set aside where a transform could not be fitted with them
    /// (constants; before a whitening or a Gaussianizer also affine functions of other columns), and before a
    /// Gaussianizer ties are spread. Where the context asks for all columns, those set aside are columns of zeros at the end.
    ///
    /// # Errors
    /// If one of them cannot be fitted.
    pub fn fit(
        options: &[TransformOptions],
        x: ArrayView2<f64>,
        context: &mut FitContext,
    ) -> Result<FittedChain, SpaceError> {
        let (mut transforms, mut reports, mut notices) = (Vec::new(), Vec::new(), Vec::new());
        let mut points = x.to_owned();
        let mut columns: Option<Vec<usize>> = None;
        for (transform, said) in front(options, x, context)? {
            points = transform.transform().forward(points.view());
            if let Fitted::SetAside(set_aside) = &transform {
                columns = Some(set_aside.kept().to_vec());
            }
            transforms.push(transform);
            notices.extend(said);
        }
        let goes_back = options.contains(&TransformOptions::Named(NamedTransform::RotateBack));
        let first = goes_back.then(|| points.clone());
        for option in options {
            let fit =
                option.fit(points, first.as_ref().map(|first| first.view()), context).map_err(|error| {
                    match &columns {
                        Some(columns) => error.of_columns(columns),
                        None => error,
                    }
                })?;
            points = fit.points;
            reports.extend(fit.report);
            notices.extend(fit.notices);
            transforms.extend(fit.transforms);
        }
        if let Some(kept) = columns.filter(|kept| context.fill && kept.len() == points.ncols()) {
            let fill = Fill { kept, dim: x.ncols() };
            points = fill.forward(points.view());
            transforms.push(Fitted::Fill(fill));
        }
        Ok(FittedChain { chain: Self { transforms }, points, notices, reports })
    }

    /// Its transforms, in order.
    pub fn transforms(&self) -> &[Fitted] {
        &self.transforms
    }

    /// Its first Gaussianizer.
    pub fn gaussianizer(&self) -> Option<&Gaussianizer> {
        self.transforms.iter().find_map(Fitted::gaussianizer)
    }

    /// The transforms before the first Gaussianizer: what its points have been through.
    pub fn before_gaussianizer(&self) -> Self {
        let before = self.transforms.iter().take_while(|transform| transform.gaussianizer().is_none());
        Self { transforms: before.cloned().collect() }
    }

    /// To the last space, `(n, d) -> (n, e)`.
    pub fn forward(&self, x: ArrayView2<f64>) -> Array2<f64> {
        self.transforms.iter().fold(x.to_owned(), |x, transform| transform.transform().forward(x.view()))
    }

    /// Back to data space, `(n, e) -> (n, d)`; infinite where an inverse leaves the range of numbers.
    pub fn inverse(&self, z: ArrayView2<f64>) -> Array2<f64> {
        self.transforms
            .iter()
            .rev()
            .fold(z.to_owned(), |z, transform| transform.transform().inverse(z.view()))
    }

    /// Whether it takes each column by itself: such a space is no model of the data.
    pub fn is_only_scaling(&self) -> bool {
        self.transforms.iter().all(Fitted::is_column_by_column)
    }

    /// Whether it but moves and stretches each column, so that bins of values stay bins.
    pub fn keeps_bins(&self) -> bool {
        self.transforms.iter().all(|transform| matches!(transform, Fitted::Scaling(_)))
    }

    /// The share of the variance that it loses, where it drops axes: a point of the data has no density under it then.
    pub fn lost_variance(&self) -> Option<f64> {
        self.transforms.iter().find_map(|transform| transform.transform().lost_variance())
    }

    /// How many columns of its last space are zeros that stand for columns set aside.
    pub fn zeros(&self) -> usize {
        self.fill().map_or(0, Fill::zeros)
    }

    fn fill(&self) -> Option<&Fill> {
        match self.transforms.last() {
            Some(Fitted::Fill(fill)) => Some(fill),
            _ => None,
        }
    }

    /// The log-density of independent standard normal numbers at points `(n, e)` of its last space, nats, `(n,)`; columns of
    /// zeros that stand for others have no part in it.
    pub fn log_standard_normal(&self, z: ArrayView2<f64>) -> Array1<f64> {
        let of = |row: ArrayView1<f64>| match self.fill() {
            Some(fill) => fill.kept().iter().map(|column| normal::log_pdf(row[*column])).sum::<f64>(),
            None => row.iter().map(|v| normal::log_pdf(*v)).sum::<f64>(),
        };
        z.rows().into_iter().map(of).collect()
    }

    /// The names of the axes of its last space, from those of the data.
    pub fn axes(&self, axes: &[String]) -> Vec<String> {
        self.transforms.iter().fold(axes.to_vec(), |axes, transform| transform.transform().axes(&axes))
    }

    /// What does not come back of points `(n, d)` that are not as the training points were, in sentences with the names of
    /// the data's axes.
    pub fn misfits(&self, x: ArrayView2<f64>, axes: &[String]) -> Vec<String> {
        let (mut sentences, mut x, mut axes) = (Vec::new(), x.to_owned(), axes.to_vec());
        let last =
            self.transforms.iter().rposition(|t| matches!(t, Fitted::SetAside(_) | Fitted::Dequantize(_)));
        for transform in self.transforms.iter().take(last.map_or(0, |last| last + 1)) {
            let transform = transform.transform();
            sentences.extend(transform.misfits(x.view(), &axes));
            (x, axes) = (transform.forward(x.view()), transform.axes(&axes));
        }
        sentences
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
    /// normal: `log N(z; 0, I) + log |det dz/dx|`, nats, `(n,)`. It is the density of the columns that are left where some
    /// are set aside, of the axes that are kept where some are dropped.
    pub fn log_density(&self, x: ArrayView2<f64>) -> Array1<f64> {
        self.forward_with_log_density(x).1
    }

    /// [`forward`](Self::forward) and [`log_density`](Self::log_density) in one go.
    pub fn forward_with_log_density(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>) {
        let (z, each, constant) = self.terms_of_log_density(x);
        (z, each + constant)
    }

    /// Its mean over the points; none without points.
    pub fn mean_log_density(&self, x: ArrayView2<f64>) -> Option<f64> {
        let (_, each, constant) = self.terms_of_log_density(x);
        // The constants are added at the end, where they cost no precision of the terms that differ.
        Some(each.mean()? + constant)
    }

    fn terms_of_log_density(&self, x: ArrayView2<f64>) -> (Array2<f64>, Array1<f64>, f64) {
        let (z, mut each, constant) = self.forward_with_log_det(x);
        each += &self.log_standard_normal(z.view());
        (z, each, constant)
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

    /// The chain as JSON: each transform with its numbers, a Gaussianizer with the name of its file, a matrix by its name.
    pub fn to_json(&self) -> serde_json::Value {
        stored::to_json(&self.transforms)
    }

    /// The Gaussianizers, under the names that [`to_json`](Self::to_json) gives their files.
    pub fn gaussianizers(&self) -> Vec<(String, &Gaussianizer)> {
        let maps = self.transforms.iter().filter_map(Fitted::gaussianizer);
        maps.enumerate().map(|(i, map)| (stored::file_name(i + 1), map)).collect()
    }

    /// The matrices that lie beside the Gaussianizers as bytes, under the names that [`to_json`](Self::to_json) gives them.
    pub fn matrices(&self) -> Vec<(String, Vec<u8>)> {
        stored::matrices(&self.transforms)
    }

    /// Dimension `d` of the points; none without a transform, which takes points of any.
    pub fn dim(&self) -> Option<usize> {
        self.transforms.first().map(|transform| transform.transform().dims().0)
    }

    /// Dimension `e` of its last space; none without a transform.
    pub fn output_dim(&self) -> Option<usize> {
        self.transforms.last().map(|transform| transform.transform().dims().1)
    }

    /// The chain of what [`to_json`](Self::to_json) gave; `read` gives the bytes of a file or of a matrix by its name.
    ///
    /// # Errors
    /// If the JSON is no chain, a file is missing or damaged, or the dimensions differ.
    pub fn from_files(
        json: &serde_json::Value,
        read: &mut dyn FnMut(&str) -> Result<Vec<u8>, String>,
    ) -> Result<Self, SpaceError> {
        let transforms = stored::from_json(json, read)?;
        let dims: Vec<(usize, usize)> =
            transforms.iter().map(|transform| transform.transform().dims()).collect();
        match dims.windows(2).all(|pair| pair[0].1 == pair[1].0) {
            true => Ok(Self { transforms }),
            false => Err(SpaceError::Stored("its transforms have different dimensions".to_string())),
        }
    }
}
