//! Several components jointly, each by the Knothe-Rosenblatt map of a density of all of them.
//!
//! | file | idea |
//! | --- | --- |
//! | `gmm_em` | a Gaussian mixture by expectation maximisation |
//! | `kernels` | a kernel density whose kernels have the covariance of the cluster that they lie in |
//! | `grid_density` | that density, for two components, on a regular grid |
//! | `blend` | that density and Gaussian mixtures on the same grid, weighted by held-out density |
//! | [`pair`] | the exact transport of a density on a grid |
//! | [`mixture`] | the exact transport of a Gaussian mixture in any dimension |
//! | `family` | Gaussian mixtures of several kinds, with a prior that keeps covariances of few points sound |
//! | `stack` | several such mixtures and kernel densities as one, weighted by held-out density |
//! | [`radial`] | the map of the distance from the centre |
//! | [`joint_map`] | one of these, or a trained flow, as the map of a layer |

pub(super) mod blend;
pub(super) mod family;
pub(super) mod gmm_em;
pub(super) mod grid_density;
pub mod joint_map;
pub(super) mod kernels;
pub mod mixture;
pub mod pair;
pub mod radial;
pub(super) mod stack;
