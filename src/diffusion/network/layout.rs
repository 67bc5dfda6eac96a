//! The order, names and shapes of a network's parameters. Everything that holds parameters follows it: the candle
//! variables, the vectors of the fused path, and the count.

use super::unet::{self, Program};
use super::{Conditioning, NetworkKind, NetworkOptions, TimeEncoding};
use serde::{Deserialize, Serialize};

/// Where the first values of a parameter come from.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Init {
    /// U(-bound, bound).
    Uniform {
        /// Largest absolute value.
        bound: f64,
    },
    /// N(0, 1).
    Normal,
    /// All 1.
    Ones,
    /// All 0.
    Zeros,
}

/// One parameter of a network.
#[derive(Clone, Debug, PartialEq)]
pub struct Parameter {
    /// Its name, which is also that of its random stream and of its tensor in a file.
    pub name: String,
    /// Its shape.
    pub shape: Vec<usize>,
    /// Where its first values come from.
    pub init: Init,
    /// Where it begins in the vector of all parameters.
    pub offset: usize,
}

impl Parameter {
    /// Number of values.
    pub fn count(&self) -> usize {
        self.shape.iter().product()
    }
}

/// An affine map `y = x W^T + b`: the sizes of `x` and `y`, and the parameters `W` `(output, input)` and `b` `(output)`
/// by their number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Affine {
    /// Size of `x`.
    pub input: usize,
    /// Size of `y`.
    pub output: usize,
    /// Number of `W`.
    pub weight: usize,
    /// Number of `b`.
    pub bias: usize,
}

/// How a layer is conditioned on the step, beside what is appended to its input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modulation {
    /// Not at all.
    None,
    /// By an embedding of its own, two affine maps.
    Add([Affine; 2]),
    /// By a table of factors `(T, output)`, given by its number.
    Scale(usize),
}

/// One layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layer {
    /// Its affine map.
    pub affine: Affine,
    /// Its conditioning.
    pub modulation: Modulation,
}

/// What a network gives for a point of `d` dimensions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outputs {
    /// The noise, `d` values.
    #[default]
    Noise,
    /// The noise, and behind it `d` values that say where in its range the variance of the reverse step lies
    /// ([`VarianceKind::LearnedRange`](crate::diffusion::VarianceKind::LearnedRange)).
    NoiseAndVariance,
}

impl Outputs {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Noise, Self::NoiseAndVariance];

    /// Number of values for a point of `dim` dimensions.
    pub fn width(self, dim: usize) -> usize {
        match self {
            Self::Noise => dim,
            Self::NoiseAndVariance => 2 * dim,
        }
    }

    /// Whether it is the noise alone.
    pub fn is_noise(&self) -> bool {
        *self == Self::Noise
    }
}

/// The parameters of a network for points of `dim` dimensions and `steps` diffusion steps.
#[derive(Clone, Debug, PartialEq)]
pub struct Layout {
    /// Dimension `d` of the points.
    pub dim: usize,
    /// What it gives for each point.
    pub outputs: Outputs,
    /// Number of diffusion steps `T`.
    pub steps: usize,
    /// Size of the time encoding; 0 if none is used.
    pub time_width: usize,
    /// All parameters, in order.
    pub parameters: Vec<Parameter>,
    /// The learned time encoding `(T, time_width)` by its number.
    pub encoding: Option<usize>,
    /// The hidden layers and the output layer of a dense network.
    pub layers: Vec<Layer>,
    /// The program of a U-Net.
    pub unet: Option<Program>,
}

impl Layout {
    /// The layout of a network of these options, which have been checked.
    pub fn new(options: &NetworkOptions, (dim, outputs): (usize, Outputs), steps: usize) -> Self {
        match options.kind {
            NetworkKind::Mlp => Self::dense(options, (dim, outputs), steps),
            NetworkKind::Unet => {
                let unet = options.unet();
                let mut layout = Self::empty((dim, outputs), steps, unet.channels);
                let channels = outputs.width(unet.image[0]);
                layout.unet = Some(unet::build::build(&unet, channels, &mut layout));
                layout
            }
        }
    }

    fn empty((dim, outputs): (usize, Outputs), steps: usize, time_width: usize) -> Self {
        Self {
            dim,
            outputs,
            steps,
            time_width,
            parameters: Vec::new(),
            encoding: None,
            layers: Vec::new(),
            unet: None,
        }
    }

    fn dense(options: &NetworkOptions, (dim, outputs): (usize, Outputs), steps: usize) -> Self {
        let encoded = options.conditioning != Conditioning::Scale;
        let time_width = if encoded { options.time.width(options.time_dim) } else { 0 };
        let mut layout = Self::empty((dim, outputs), steps, time_width);
        if encoded && options.time == TimeEncoding::Learned {
            layout.encoding = Some(layout.add("time.table".into(), vec![steps, time_width], Init::Normal));
        }
        let mut input = dim;
        for (i, output) in options.widths().into_iter().chain([outputs.width(dim)]).enumerate() {
            let name = format!("layer{i}");
            let appended =
                if i == 0 && options.conditioning == Conditioning::Concat { time_width } else { 0 };
            let affine = layout.affine(&name, input + appended, output);
            let modulation = match options.conditioning {
                Conditioning::Concat => Modulation::None,
                Conditioning::Add => Modulation::Add([
                    layout.affine(&format!("{name}.time0"), time_width, output),
                    layout.affine(&format!("{name}.time1"), output, output),
                ]),
                Conditioning::Scale => {
                    Modulation::Scale(layout.add(format!("{name}.scale"), vec![steps, output], Init::Ones))
                }
            };
            layout.layers.push(Layer { affine, modulation });
            input = output;
        }
        layout
    }

    /// Number of values of all parameters.
    pub fn count(&self) -> usize {
        self.parameters.last().map_or(0, |last| last.offset + last.count())
    }

    /// PyTorch's nn.Linear: weight and bias start at U(-1/sqrt(in), 1/sqrt(in)).
    fn affine(&mut self, name: &str, input: usize, output: usize) -> Affine {
        let init = Init::Uniform { bound: 1.0 / (input as f64).sqrt() };
        let weight = self.add(format!("{name}.weight"), vec![output, input], init);
        let bias = self.add(format!("{name}.bias"), vec![output], init);
        Affine { input, output, weight, bias }
    }

    /// Multiply-adds of one prediction for one point.
    pub fn multiply_adds(&self) -> usize {
        self.unet.as_ref().map_or_else(|| self.count(), Program::multiply_adds)
    }

    /// Adds a parameter and returns its number.
    pub(super) fn add(&mut self, name: String, shape: Vec<usize>, init: Init) -> usize {
        let offset = self.count();
        self.parameters.push(Parameter { name, shape, init, offset });
        self.parameters.len() - 1
    }
}
