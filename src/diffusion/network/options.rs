//! `[network]` of a spec: the shape of the noise predictor.

use super::{
    Activation, Conditioning, TimeEncoding,
    layout::{Layout, Outputs},
    unet::build::UnetOptions,
};
use crate::numeric::options::{OutOfRange, require};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What computes the noise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NetworkKind {
    /// Dense layers (both papers' 2-D networks).
    #[default]
    Mlp,
    /// A U-Net on images (Ho et al. 2020).
    Unet,
}

impl NetworkKind {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Mlp, Self::Unet];

    /// Whether it is dense layers.
    pub fn is_mlp(&self) -> bool {
        *self == Self::Mlp
    }
}

/// `[network]`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NetworkOptions {
    /// Dense layers, or a U-Net for images.
    #[serde(skip_serializing_if = "NetworkKind::is_mlp")]
    #[schemars(extend("x-default" = "\"mlp\""))]
    pub kind: NetworkKind,
    /// Widths of the hidden layers.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "[16, 32, 64]"))]
    pub hidden: Option<Vec<usize>>,
    /// `width = w` is short for `hidden = [w, 2 w, 4 w]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "none"))]
    pub width: Option<usize>,
    /// Function of the hidden layers.
    pub activation: Activation,
    /// How the step t is shown to the network.
    pub time: TimeEncoding,
    /// Size of the time embedding.
    pub time_dim: usize,
    /// Where t enters the network.
    pub conditioning: Conditioning,
    /// Channels, height and width of the points of a U-Net: of the data where they are images.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "of the data"))]
    pub image: Option<[usize; 3]>,
    /// Channels of a U-Net's first level, an even number.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "32"))]
    pub channels: Option<usize>,
    /// Channels of a U-Net's levels, as multiples; each level after the first has half of the pixels on a side.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "[1, 2, 2]"))]
    pub multipliers: Option<Vec<usize>>,
    /// Residual blocks of each level of a U-Net on the way down; one more on the way up.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "2"))]
    pub blocks: Option<usize>,
    /// Heights of the feature maps at which attention follows each block of a U-Net; it always stands in the middle.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "[]"))]
    pub attention: Option<Vec<usize>>,
    /// Probability that a value in a U-Net's block is left out in training.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "0.0"))]
    pub dropout: Option<f64>,
    /// Groups of a U-Net's normalization; they must divide its channels.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("x-default" = "8"))]
    pub groups: Option<usize>,
}

impl Default for NetworkOptions {
    fn default() -> Self {
        Self {
            kind: NetworkKind::Mlp,
            hidden: None,
            width: None,
            activation: Activation::Relu,
            time: TimeEncoding::Sinusoidal,
            time_dim: 16,
            conditioning: Conditioning::Concat,
            image: None,
            channels: None,
            multipliers: None,
            blocks: None,
            attention: None,
            dropout: None,
            groups: None,
        }
    }
}

impl NetworkOptions {
    /// Widths of the hidden layers where neither `hidden` nor `width` is given.
    pub const DEFAULT_HIDDEN: [usize; 3] = [16, 32, 64];

    /// Number of values that training would change, for points of `dim` dimensions and `steps` steps. Nothing is
    /// built. The options must have been checked.
    pub fn parameter_count(&self, dim: usize, outputs: Outputs, steps: usize) -> usize {
        Layout::new(self, (dim, outputs), steps).count()
    }

    /// Multiply-adds of one prediction for one point, as [`parameter_count`](Self::parameter_count).
    pub fn multiply_adds(&self, dim: usize, outputs: Outputs, steps: usize) -> usize {
        Layout::new(self, (dim, outputs), steps).multiply_adds()
    }

    /// Values that the training of a U-Net keeps of one image.
    pub fn kept_values(&self, dim: usize, steps: usize) -> usize {
        Layout::new(self, (dim, Outputs::Noise), steps).unet.map_or(0, |program| program.values())
    }

    /// The options of a U-Net, with what was left out; without an image there is one pixel.
    pub fn unet(&self) -> UnetOptions {
        UnetOptions {
            image: self.image.unwrap_or([1, 1, 1]),
            channels: self.channels.unwrap_or(32),
            multipliers: self.multipliers.clone().unwrap_or_else(|| vec![1, 2, 2]),
            blocks: self.blocks.unwrap_or(2),
            attention: self.attention.clone().unwrap_or_default(),
            dropout: self.dropout.unwrap_or(0.0),
            groups: self.groups.unwrap_or(8),
        }
    }

    /// Refuses points of so many dimensions if the network is not for them.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check_dimension(&self, dim: usize) -> Result<(), OutOfRange> {
        if self.kind == NetworkKind::Mlp {
            return Ok(());
        }
        require(self.image.is_some(), "image", || {
            "is left out, but a U-Net needs to know the shape of its points: give [channels, height, width], or data that are images".into()
        })?;
        let [channels, height, width] = self.unet().image;
        require(channels * height * width == dim, "image", || {
            format!(
                "is [{channels}, {height}, {width}], {} values, but the points have {dim} dimensions; a U-Net works in a space that keeps the pixels",
                channels * height * width
            )
        })?;
        let UnetOptions { multipliers, attention, .. } = self.unet();
        let halved = std::iter::successors(Some(height), |height| Some(height.div_ceil(2)));
        let heights: Vec<usize> = halved.take(multipliers.len()).collect();
        match attention.iter().find(|height| !heights.contains(height)) {
            None => Ok(()),
            Some(height) => require(false, "attention", || {
                let heights: Vec<String> = heights.iter().map(ToString::to_string).collect();
                format!("names a height of {height}, but the levels have heights {}", heights.join(", "))
            }),
        }
    }

    /// Widths of the hidden layers: `hidden`, or those that `width` is short for, or the default.
    pub fn widths(&self) -> Vec<usize> {
        match (&self.hidden, self.width) {
            (Some(hidden), _) => hidden.clone(),
            (None, Some(w)) => vec![w, 2 * w, 4 * w],
            (None, None) => Self::DEFAULT_HIDDEN.to_vec(),
        }
    }

    /// Its size in a few letters: `16-32-64` of dense layers, `U-Net of 32-64-64 channels`.
    pub fn title(&self) -> String {
        let joined = |widths: &[usize]| widths.iter().map(ToString::to_string).collect::<Vec<_>>().join("-");
        match self.kind {
            NetworkKind::Mlp => joined(&self.widths()),
            NetworkKind::Unet => {
                let UnetOptions { channels, multipliers, .. } = self.unet();
                let levels: Vec<usize> = multipliers.iter().map(|by| by * channels).collect();
                format!("U-Net of {} channels", joined(&levels))
            }
        }
    }

    /// The key by which the network has learned something of its own for each whole step, so that between the steps it is
    /// not known; none where it is.
    pub fn learned_by_step(&self) -> Option<&'static str> {
        match (self.conditioning, self.time) {
            (Conditioning::Scale, _) => Some("conditioning"),
            (_, TimeEncoding::Learned) => Some("time"),
            _ => None,
        }
    }

    /// Refuses values out of their range.
    ///
    /// # Errors
    /// Naming the key.
    pub fn check(&self) -> Result<(), OutOfRange> {
        self.check_kind()?;
        if self.kind == NetworkKind::Unet {
            return self.check_unet();
        }
        if let Some(w) = self.width {
            require(self.hidden.is_none(), "width", || {
                "cannot be given beside `hidden`: give one of the two".into()
            })?;
            require((1..=16_384).contains(&w), "width", || {
                format!("is {w}, but it must be from 1 to 16384")
            })?;
        }
        let hidden = self.widths();
        require((1..=64).contains(&hidden.len()), "hidden", || {
            format!("has {} layers, but it must have 1 to 64, for example [16, 32, 64]", hidden.len())
        })?;
        for (i, &w) in hidden.iter().enumerate() {
            require((1..=65_536).contains(&w), &format!("hidden[{i}]"), || {
                format!("is {w}, but a layer's width must be from 1 to 65536")
            })?;
        }
        require((1..=4096).contains(&self.time_dim), "time_dim", || {
            format!("is {}, but it must be from 1 to 4096", self.time_dim)
        })?;
        require(self.time != TimeEncoding::Sinusoidal || self.time_dim.is_multiple_of(2), "time_dim", || {
            format!("is {}, but a sinusoidal embedding needs an even number", self.time_dim)
        })
    }

    /// Refuses keys of the other kind of network.
    fn check_kind(&self) -> Result<(), OutOfRange> {
        let usual = Self::default();
        let dense = [
            ("hidden", self.hidden.is_some()),
            ("width", self.width.is_some()),
            ("activation", self.activation != usual.activation),
            ("time", self.time != usual.time),
            ("time_dim", self.time_dim != usual.time_dim),
            ("conditioning", self.conditioning != usual.conditioning),
        ];
        let unet = [
            ("image", self.image.is_some()),
            ("channels", self.channels.is_some()),
            ("multipliers", self.multipliers.is_some()),
            ("blocks", self.blocks.is_some()),
            ("attention", self.attention.is_some()),
            ("dropout", self.dropout.is_some()),
            ("groups", self.groups.is_some()),
        ];
        let (others, own, other) = match self.kind {
            NetworkKind::Mlp => (&unet[..], "mlp", "unet"),
            NetworkKind::Unet => (&dense[..], "unet", "mlp"),
        };
        match others.iter().find(|(_, given)| *given) {
            Some((key, _)) => require(false, key, || {
                format!(
                    "is a key of networks of kind \"{other}\", but this one is of kind \"{own}\": leave it out, or give kind = \"{other}\""
                )
            }),
            None => Ok(()),
        }
    }

    fn check_unet(&self) -> Result<(), OutOfRange> {
        let UnetOptions { image, channels, multipliers, blocks, attention: _, dropout, groups } = self.unet();
        let within = |key: &str, value: usize, most: usize| {
            require((1..=most).contains(&value), key, || {
                format!("is {value}, but it must be from 1 to {most}")
            })
        };
        for (i, &side) in image.iter().enumerate() {
            within(&format!("image[{i}]"), side, 4096)?;
        }
        within("channels", channels, 4096)?;
        require(channels.is_multiple_of(2), "channels", || {
            format!("is {channels}, but the embedding of the step needs an even number")
        })?;
        within("groups", groups, channels)?;
        require(channels.is_multiple_of(groups), "groups", || {
            format!("is {groups}, but it must divide the {channels} channels")
        })?;
        require((1..=8).contains(&multipliers.len()), "multipliers", || {
            format!("has {} levels, but it must have 1 to 8, for example [1, 2, 2]", multipliers.len())
        })?;
        for (i, &multiplier) in multipliers.iter().enumerate() {
            within(&format!("multipliers[{i}]"), multiplier, 64)?;
        }
        within("blocks", blocks, 16)?;
        require((0.0..1.0).contains(&dropout), "dropout", || {
            format!("is {dropout}, but it must be at least 0 and below 1")
        })
    }
}
