//! Fits of spaces for the tests.

use gdiff::gaussianize::GaussianizeOptions;
use gdiff::numeric::random::Stream;
use gdiff::space::chain::FittedChain;
use gdiff::space::options::{GaussianizeTransform, NamedTransform};
use gdiff::space::{Chain, FitContext, ScaleKind, SpaceError, TransformOptions};
use ndarray::{Array2, ArrayView2};

/// Fits transforms to points whose axes are called `x0`, `x1`, ...
pub fn fit_space(space: &[TransformOptions], x: ArrayView2<f64>) -> Result<FittedChain, SpaceError> {
    let axes: Vec<String> = (0..x.ncols()).map(|j| format!("x{j}")).collect();
    let mut context = FitContext {
        scale: ScaleKind::Standardize,
        gaussianize: &GaussianizeOptions { layers: 2, ..GaussianizeOptions::default() },
        axes: &axes,
        stream: &Stream::new(7, 0, "spaces of tests"),
        fill: false,
        progress: &mut |_| {},
    };
    Chain::fit(space, x, &mut context)
}

/// Transforms by their names.
pub fn named(words: &[NamedTransform]) -> Vec<TransformOptions> {
    words.iter().map(|word| TransformOptions::Named(*word)).collect()
}

/// A Gaussianizer with settings of its own.
pub fn gaussianizer(gaussianize: GaussianizeOptions) -> Vec<TransformOptions> {
    vec![TransformOptions::Gaussianize(GaussianizeTransform { gaussianize })]
}

/// A table with a header, each value such that it is read back to the same bits.
pub fn table(names: &[&str], x: &Array2<f64>) -> String {
    let row = |row: ndarray::ArrayView1<f64>| row.iter().map(f64::to_string).collect::<Vec<_>>().join(",");
    let rows: Vec<String> = x.rows().into_iter().map(row).collect();
    format!("{}\n{}\n", names.join(","), rows.join("\n"))
}
