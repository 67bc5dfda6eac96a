//! Gaussianization: an invertible map `G` of data to nearly independent standard normal numbers (G 8-23).
//!
//! | module | idea |
//! | --- | --- |
//! | [`options`](GaussianizeOptions) | what a fit may be asked for: the keys of a spec's `[gaussianize]` |
//! | [`kde`] | one component: bandwidth, kernel density, the map `Phi^-1(F(s))` and its inverse |
//! | [`joint`] | several components: the Knothe-Rosenblatt maps of a density on a grid and of a Gaussian mixture; the distance from the centre |
//! | [`flow`] | all components by a trained normalizing flow |
//! | [`rotation`] | whitening, and the axes of a layer |
//! | `dependence` | how much two columns depend on each other |
//! | `layer`, `map` | a layer, and layers one after another: forward, inverse, density |
//! | [`fit`] | fitting layer by layer with held-out points, choosing among several maps, and a report of it |
//! | `store`, `error` | a map as safetensors, and what can be wrong |
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

mod dependence;
mod error;
pub mod fit;
pub mod flow;
pub mod joint;
pub mod kde;
mod layer;
mod map;
mod options;
pub mod rotation;
mod store;
mod thin;

pub use error::GaussianizeError;
pub use fit::report::{CandidateReport, ComponentMap, FitReport, LayerReport, StopReason};
pub use kde::bandwidth::BandwidthRule;
pub use kde::marginal::Tails;
pub use layer::{Layer, Pair};
pub use map::Gaussianizer;
pub use options::{Components, Coupling, GaussianizeOptions, Preset, Rest, Rotation, Watch};
pub use rotation::ica::Contrast;
pub use store::attached;
