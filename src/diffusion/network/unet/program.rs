//! The operations of a U-Net. Each takes the results of earlier ones, by their numbers.

/// The shape of a feature map: of an image, or of a vector with `height = width = 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MapShape {
    /// Number of channels.
    pub channels: usize,
    /// Rows of pixels.
    pub height: usize,
    /// Columns of pixels.
    pub width: usize,
}

impl MapShape {
    /// A vector of so many values.
    pub fn vector(channels: usize) -> Self {
        Self { channels, height: 1, width: 1 }
    }

    /// Pixels of one channel.
    pub fn pixels(&self) -> usize {
        self.height * self.width
    }

    /// Number of values.
    pub fn count(&self) -> usize {
        self.channels * self.pixels()
    }

    /// The same pixels with other channels.
    pub fn with_channels(self, channels: usize) -> Self {
        Self { channels, ..self }
    }
}

/// What a node computes of the result of node `from`. Parameters are given by their number in the layout.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Op {
    /// The point that the network gets, channel after channel, row after row.
    Image,
    /// The encoding of the step, a vector.
    Time,
    /// A convolution with padding `(kernel - 1) / 2`: weight `(output, input, kernel, kernel)` and bias `(output)`. With
    /// `kernel = 1` it is an affine map of the channels of each pixel.
    Convolution {
        /// Number of the weight.
        weight: usize,
        /// Number of the bias.
        bias: usize,
        /// Side of the kernel, 1 or 3.
        kernel: usize,
        /// Pixels from one result to the next, 1 or 2.
        stride: usize,
    },
    /// Group normalization (Wu & He 2018): the channels of each group have mean 0 and variance 1 over their pixels, then a
    /// factor and a summand for each channel; and SiLU, if it is asked for.
    Norm {
        /// Number of the factors `(channels)`.
        scale: usize,
        /// Number of the summands `(channels)`.
        shift: usize,
        /// Groups of channels.
        groups: usize,
        /// Whether `x sigma(x)` follows.
        silu: bool,
    },
    /// `x sigma(x)`.
    Silu,
    /// Adds the vector of another node to every pixel.
    AddVector {
        /// The node of the vector.
        vector: usize,
    },
    /// Adds the map of another node.
    Add {
        /// The other node.
        other: usize,
    },
    /// Its channels, and behind them those of another node.
    Concat {
        /// The other node.
        other: usize,
    },
    /// Every pixel four times, cut to the node's own shape.
    Upsample,
    /// Attention with one head over the pixels: the channels of `from` are `(q, k, v)`, the result is
    /// `sum_j softmax_j(q_i . k_j / sqrt(channels)) v_j`.
    Attention,
    /// In training, each value is 0 with the network's probability `dropout`, and else divided by `1 - dropout`.
    Dropout,
}

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Node {
    /// What it computes.
    pub op: Op,
    /// Of which node; of itself where it takes none.
    pub from: usize,
    /// The shape of its result.
    pub shape: MapShape,
}

impl Node {
    /// The nodes whose results it takes.
    pub fn inputs(&self) -> impl Iterator<Item = usize> {
        let (first, second) = match self.op {
            Op::Image | Op::Time => (None, None),
            Op::AddVector { vector: other } | Op::Add { other } | Op::Concat { other } => {
                (Some(self.from), Some(other))
            }
            _ => (Some(self.from), None),
        };
        first.into_iter().chain(second)
    }
}

/// The added number below the root in group normalization.
pub const NORM_EPSILON: f64 = 1e-6;

/// All operations in order; the last one gives the network's outputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Program {
    /// The operations.
    pub nodes: Vec<Node>,
    /// Probability of a value to be left out in training.
    pub dropout: f64,
}

impl Program {
    /// The shape of what the network gives.
    pub fn output(&self) -> MapShape {
        self.nodes.last().expect("a program has nodes").shape
    }

    /// Multiply-adds of one prediction for one image.
    pub fn multiply_adds(&self) -> usize {
        let of = |node: &Node| match node.op {
            Op::Convolution { kernel, .. } => {
                node.shape.count() * self.nodes[node.from].shape.channels * kernel * kernel
            }
            Op::Attention => 2 * node.shape.count() * node.shape.pixels(),
            _ => 0,
        };
        self.nodes.iter().map(of).sum()
    }

    /// Values that a training keeps of one image.
    pub fn values(&self) -> usize {
        self.nodes.iter().map(|node| node.shape.count()).sum()
    }
}
