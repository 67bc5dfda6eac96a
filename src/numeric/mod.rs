//! The ground that everything else stands on: randomness, threads, and small numerical methods that more than one
//! part of the crate needs. Nothing here knows of data sets, maps, networks or files.
//!
//! | file | idea |
//! | --- | --- |
//! | [`random`] | named, counter-based random streams: the only source of randomness |
//! | [`threads`] | who may use threads |
//! | [`digest`] | SHA-256 as text |
//! | [`options`] | option values out of their range, as sentences |
//! | [`normal`] | the standard normal distribution on logarithmic scales |
//! | [`exp_log`] | exponential and logarithm of eight numbers side by side |
//! | [`gaussian`] | a normal distribution in d dimensions by the Cholesky factor of its covariance |
//! | [`blas`] | large products of matrices |
//! | [`chebyshev`] | interpolation at Chebyshev nodes |
//! | [`intervals`] | means with confidence intervals |
//! | [`log_sum_exp`] | sums of numbers that are known by their logarithms |
//! | [`memory`] | how much memory there is |
//! | [`minimum`] | golden-section search |
//! | [`moments`] | mean and covariance of points |
//! | [`orthogonal`] | orthogonal matrices |
//! | [`pchip`] | monotone interpolation |
//! | [`power_of_two`] | exact scaling, so that squares fit the range of numbers |
//! | [`sort`] | many values in ascending order |
//! | [`wasserstein`] | Wasserstein-2 distances on a line |
//! | [`word_or_number`] | keys of a spec that are a word or a whole number |
//! | [`trace`] | what each thread does and when, if it is asked for |
//! | [`simd`] | eight numbers side by side |

pub mod blas;
pub mod chebyshev;
pub mod digest;
pub mod exp_log;
pub mod gaussian;
pub mod intervals;
pub mod log_sum_exp;
pub mod memory;
pub mod minimum;
pub mod moments;
pub mod normal;
pub mod options;
pub mod orthogonal;
pub mod pchip;
pub mod power;
pub mod power_of_two;
pub mod random;
pub mod simd;
pub mod sort;
pub mod threads;
pub mod trace;
pub mod wasserstein;
pub mod word_or_number;
