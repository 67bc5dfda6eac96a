//! One component at a time: its kernel density estimate (G 9), its CDF (G 10), and the map `Phi^-1(F(s))` (G 11, G 12).
//!
//! | file | idea |
//! | --- | --- |
//! | [`bandwidth`], `isj`, `shimazaki` | rules for the kernel bandwidth |
//! | [`exact`] | kernel sums one by one: the definition |
//! | `fast_gauss` | all kernel sums of a component in linear time |
//! | `piecewise`, `interval_index` | a piecewise polynomial and its inverse, and finding the piece of a value |
//! | `tail` | the map beyond the outermost points |
//! | [`splice`] | a smooth map between quantiles, with tails whose law the data choose |
//! | [`marginal`] | the map of a component and its inverse, made of these |

pub mod bandwidth;
pub mod exact;
mod fast_gauss;
mod interval_index;
mod isj;
pub mod marginal;
pub(super) mod piecewise;
mod shimazaki;
pub mod splice;
pub(super) mod tail;
