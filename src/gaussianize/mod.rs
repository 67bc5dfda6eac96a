//! Gaussianization: an invertible map `G` of data to nearly independent standard normal numbers (G 8-23).
//!
//! | file | idea |
//! | --- | --- |
//! | `bandwidth`, `isj`, `shimazaki` | how wide the kernels are |
//! | `kde`, `cells` | kernel sums: one by one exactly, and all at once in linear time |
//! | `piecewise`, `buckets`, `tail`, `marginal` | one component's map `Phi^-1(F(s))`, its tails, its inverse |
//! | `clusters`, `kernels`, `sheet`, `pair` | two components jointly: cluster-shaped kernels on a grid, and its exact transport |
//! | `mixture` | all components jointly: the transport of a Gaussian mixture |
//! | `matrix`, `ica`, `sliced`, `rotation` | whitening, and which axes to look along |
//! | `components`, `pairing` | which components of a layer are mapped, and which two together |
//! | `layer`, `map` | a layer, and layers one after another: forward, inverse, density |
//! | `options`, `prepare`, `fit`, `diagnostics`, `report` | fitting with held-out points, and what it did |
//! | `store`, `error` | safetensors, and what can be wrong |
//!
//! ```
//! use gdiff::gaussianize::{GaussianizeOptions, Gaussianizer};
//! use gdiff::numeric::random::Stream;
//!
//! let stream = Stream::new(1, 0, "example");
//! let x = stream.standard_normal(0, 500, 2).mapv(f64::exp);
//! let options = GaussianizeOptions { layers: 3, ..Default::default() };
//! let (map, report) = Gaussianizer::fit(x.view(), &options, &stream, &mut |_, _| ())?;
//! let z = map.forward(x.view());
//! let back = map.inverse(z.view());
//! assert!((&back - &x).iter().all(|error| error.abs() < 1e-9));
//! println!("{} layers; {}", map.layers(), report.stopped);
//! # Ok::<(), gdiff::gaussianize::GaussianizeError>(())
//! ```

pub mod bandwidth;
mod buckets;
mod cells;
mod clusters;
mod components;
pub mod diagnostics;
mod error;
mod fit;
pub mod ica;
mod isj;
pub mod kde;
mod kernels;
mod layer;
mod map;
pub mod marginal;
pub mod matrix;
pub mod mixture;
mod options;
pub mod pair;
mod pairing;
mod piecewise;
mod prepare;
mod report;
mod rotation;
mod sheet;
mod shimazaki;
pub mod sliced;
mod store;
mod tail;

pub use bandwidth::BandwidthRule;
pub use error::GaussianizeError;
pub use ica::Contrast;
pub use layer::{Layer, Pair};
pub use map::Gaussianizer;
pub use marginal::Tails;
pub use options::{Components, Coupling, GaussianizeOptions, Rotation};
pub use report::{ComponentMap, FitReport, LayerReport, StopReason};
