//! The options of a fit, which are also the keys of a spec's `[gaussianize]`.

use super::flow::FlowOptions;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::kde::bandwidth::BandwidthRule;
use super::kde::marginal::Tails;
use super::rotation::ica::Contrast;
use crate::numeric::options::{OutOfRange, count, not_negative, positive, require};
use crate::numeric::word_or_number::{WordOrNumber, word_or_number};

/// How each layer rotates the whitened data before its marginals are fitted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rotation {
    /// Independent component analysis (G 8): symmetric FastICA, in two dimensions a global search.
    Ica,
    /// The principal axes.
    Pca,
    /// A uniformly random rotation.
    Random,
    /// ICA in the first layer, random rotations after it.
    IcaRandom,
    /// The orthonormal directions of largest sliced Wasserstein-2 distance to N(0, 1) (Dai & Seljak 2021).
    Sliced,
}

/// Which components of a layer are gaussianized. In a spec it is `"all"` or a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Components {
    /// All of them.
    All,
    /// The given number of most non-Gaussian ones, by negentropy; the others stay as they are (G section 4).
    Leading(usize),
}

/// Whether the axes of a layer are gaussianized one by one or jointly.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Coupling {
    /// The best of several maps at held-out points, or at points left out where there are few: one normal distribution,
    /// marginals, weighted mixtures, a map of the distance from the centre, pairs of columns, independent axes and pairs of
    /// them, layers of these, and in two dimensions `"joint"`, which is kept unless another one is clearly better.
    Auto,
    /// One by one, each axis by its own marginal map (G 9-12): the paper's way.
    Marginal,
    /// Two axes at a time, by the Knothe-Rosenblatt map of their joint density; an odd one by its marginal.
    Pairs,
    /// All axes by the Knothe-Rosenblatt map of their joint density: in two dimensions a kernel density; in more the first
    /// layer is that of a Gaussian mixture, and later ones work in pairs on what it left.
    Joint,
    /// All axes by a trained normalizing flow, as `[gaussianize.flow]` says.
    Flow,
}

/// Settings that have a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    /// The first paper's recipe (G section 2): 5 layers of ICA, `"marginal"`, Silverman's bandwidth times 1, `"kernel"`
    /// tails, no point held out.
    Paper,
}

/// What becomes of the principal components after the leading ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rest {
    /// They stay, each with unit variance: the map is invertible.
    #[default]
    Whiten,
    /// They are left out: the space has fewer dimensions, and samples have the mean along them.
    Drop,
}

/// Fewest held-out points that can decide when to stop.
const FEWEST_HELD_OUT: usize = 20;

/// Parts of the points in a cross-validation.
pub(crate) const FOLDS: usize = 5;

/// How a fit finds out how many layers it should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watch {
    /// Not at all: all layers are used.
    Nothing,
    /// By so many held-out points.
    HeldOut(usize),
    /// By cross-validation, since too few points could be held out.
    CrossValidation {
        /// The points that `held_out` asks for.
        too_few: usize,
    },
}

/// Options of [`super::Gaussianizer::fit`].
///
/// The defaults were chosen on five mixtures in two dimensions, 10,000 points, 5 seeds each, by the held-out
/// log-likelihood of the map and the true log-likelihood of `G^-1(N(0, I))`. On a ring of eight modes (truth
/// -0.313) the joint map reaches -0.321 and -0.313 with one layer; the best marginal one (sliced, 0.3 x Silverman)
/// -0.443 and -2.9, the paper's (5 x ICA, Silverman) -0.97 and -6.5. `pair_factor` from 0.5 to 1.5 moves
/// either number by at most 0.01; 1 and 1.5 are the best.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GaussianizeOptions {
    /// Values for the keys that are left out. A spec that is read holds those values in its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub preset: Option<Preset>,
    /// Layers at most; held-out points stop the fit earlier.
    pub layers: usize,
    /// How the axes of a layer are mapped: one by one, in pairs, or all jointly; or the best of several maps.
    pub coupling: Coupling,
    /// How each layer chooses its axes.
    pub rotation: Rotation,
    /// Contrast of FastICA.
    pub contrast: Contrast,
    /// Kernel width of marginal maps: a number, or the rule that chooses it.
    pub bandwidth: BandwidthRule,
    /// Multiplies the chosen kernel width.
    pub bandwidth_factor: f64,
    /// Multiplies the kernel widths of joint maps, which are chosen by likelihood and not by `bandwidth`.
    pub pair_factor: f64,
    /// Which components of a layer are mapped; a number is so many leading ones, by negentropy.
    pub components: Components,
    /// The marginal map beyond the data and between modes.
    pub tails: Tails,
    /// Fraction of the training points that watches the fit, up to 0.5; where these are fewer than 20,
    /// cross-validation chooses the layers; 0 watches nothing, and all layers are used.
    pub held_out: f64,
    /// Layers without improvement that the fit goes on for; one more ends it.
    pub patience: usize,
    /// Smallest improvement of the held-out log-likelihood that counts, nats per point.
    pub min_gain: f64,
    /// With the coupling `"flow"`, the flow.
    pub flow: FlowOptions,
    /// Whether columns whose points tie (rounded values, values that many points share) are spread to a density before the
    /// fit and snapped back after the inverse. Columns without ties are left as they are.
    pub dequantize: bool,
    /// So many leading principal components are gaussianized.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "all axes, as they are"))]
    pub reduce: Option<usize>,
    /// With `reduce`, what becomes of the other components.
    pub rest: Rest,
    /// Whether the points are rotated back to the axes of the data after the map, as near to the data as a rotation brings
    /// them.
    pub rotate_back: bool,
    /// Most FastICA iterations; not a key of a spec.
    #[serde(skip)]
    pub ica_iterations: usize,
    /// FastICA has converged when `1 - |cosine|` between the old and the new direction is below this for every
    /// direction; not a key of a spec.
    #[serde(skip)]
    pub ica_tolerance: f64,
}

impl Default for GaussianizeOptions {
    fn default() -> Self {
        Self {
            preset: None,
            layers: 30,
            coupling: Coupling::Joint,
            rotation: Rotation::Sliced,
            contrast: Contrast::Logcosh,
            bandwidth: BandwidthRule::Silverman,
            bandwidth_factor: 0.3,
            pair_factor: 1.0,
            components: Components::All,
            tails: Tails::Gentle,
            held_out: 0.1,
            patience: 2,
            min_gain: 2e-3,
            flow: FlowOptions::default(),
            dequantize: true,
            reduce: None,
            rest: Rest::Whiten,
            rotate_back: false,
            ica_iterations: 200,
            ica_tolerance: 1e-4,
        }
    }
}

impl GaussianizeOptions {
    /// The settings of that name.
    pub fn preset(preset: Preset) -> Self {
        match preset {
            Preset::Paper => Self {
                layers: 5,
                coupling: Coupling::Marginal,
                rotation: Rotation::Ica,
                bandwidth: BandwidthRule::Silverman,
                bandwidth_factor: 1.0,
                tails: Tails::Kernel,
                held_out: 0.0,
                ..Self::default()
            },
        }
    }

    /// Checks every option against its range.
    ///
    /// # Errors
    /// The first option outside, in the order of the fields.
    pub fn check(&self) -> Result<(), OutOfRange> {
        count("layers", self.layers)?;
        if let BandwidthRule::Fixed(h) = self.bandwidth {
            positive("bandwidth", h)?;
        }
        positive("bandwidth_factor", self.bandwidth_factor)?;
        positive("pair_factor", self.pair_factor)?;
        if let Components::Leading(m) = self.components {
            count("components", m)?;
        }
        require((0.0..=0.5).contains(&self.held_out), "held_out", || {
            format!("is {}, but it must be a fraction from 0 (all layers are used) to 0.5", self.held_out)
        })?;
        count("patience", self.patience)?;
        not_negative("min_gain", self.min_gain)?;
        self.flow.check().map_err(|error| error.within("flow"))?;
        if let Some(leading) = self.reduce {
            count("reduce", leading)?;
        }
        let drops = self.reduce.is_some() && self.rest == Rest::Drop;
        require(!(self.rotate_back && drops), "rotate_back", || {
            "is true, but rest = \"drop\" leaves fewer axes than the data have, so there is no way back to those; take rest = \"whiten\"".to_string()
        })?;
        count("ica_iterations", self.ica_iterations)?;
        positive("ica_tolerance", self.ica_tolerance)
    }

    /// How a fit to `n` points is watched: with fewer than 20 held-out points by cross-validation.
    pub fn watch(&self, n: usize) -> Watch {
        let held = (self.held_out * n as f64).round() as usize;
        match held {
            _ if self.held_out == 0.0 => Watch::Nothing,
            held if held < FEWEST_HELD_OUT => Watch::CrossValidation { too_few: held },
            held => Watch::HeldOut(held),
        }
    }

    /// The same, with the joint map in place of a selection where there is none: where no point is held out, so that nothing
    /// could judge, or where some components only are to be mapped.
    pub fn without_idle_selection(&self) -> Self {
        let idle = self.held_out == 0.0 || self.components != Components::All;
        let coupling = if idle && self.coupling == Coupling::Auto { Coupling::Joint } else { self.coupling };
        Self { coupling, ..self.clone() }
    }

    /// Whether cross-validation chooses the layers of a fit to `n` points.
    pub fn is_cross_validated(&self, n: usize) -> bool {
        matches!(self.watch(n), Watch::CrossValidation { .. })
    }

    /// Dimension of what is mapped, of data of `dim` dimensions.
    pub fn mapped(&self, dim: usize) -> usize {
        self.reduce.map_or(dim, |reduce| reduce.min(dim))
    }

    /// As [`check`](Self::check), for data of `dim` dimensions: there must be as many components as are asked for.
    ///
    /// # Errors
    /// As [`check`](Self::check), or more components than dimensions.
    pub fn check_for(&self, dim: usize) -> Result<(), OutOfRange> {
        self.check()?;
        let reduce = self.reduce.unwrap_or(dim);
        require(reduce <= dim, "reduce", || {
            format!("is {reduce}, but the data have {dim} dimensions: give 1 to {dim}, or leave it out")
        })?;
        let (mapped, what) = match self.reduce {
            Some(reduce) => (reduce, format!("`reduce` leaves {reduce} dimensions")),
            None => (dim, format!("the data have {dim} dimensions")),
        };
        match self.components {
            Components::Leading(m) => require(m <= mapped, "components", || {
                format!("is {m}, but {what}: give 1 to {mapped}, or \"all\"")
            }),
            Components::All => Ok(()),
        }
    }
}

impl WordOrNumber for Components {
    const WORDS: &'static [(&'static str, &'static str)] = &[("all", "all of them")];
    const SMALLEST: usize = 1;

    fn of_word(word: &str) -> Option<Self> {
        (word == "all").then_some(Self::All)
    }

    fn of_number(number: usize) -> Self {
        Self::Leading(number)
    }

    fn written(self) -> Result<&'static str, usize> {
        match self {
            Self::All => Ok("all"),
            Self::Leading(m) => Err(m),
        }
    }
}

word_or_number!(Components);
