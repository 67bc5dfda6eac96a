//! The program of a U-Net (Ho et al. 2020, appendix B): residual blocks with the step's embedding on the way down, in the
//! middle and on the way up, attention at chosen sizes and in the middle, strided convolutions down, nearest upsampling and a
//! convolution up, and the maps of the way down concatenated to those of the way up.

use super::program::{MapShape, Node, Op, Program};
use crate::diffusion::network::layout::{Init, Layout};

/// The options of a U-Net, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct UnetOptions {
    /// Channels, height and width of the points.
    pub image: [usize; 3],
    /// Channels of the first level.
    pub channels: usize,
    /// Channels of each level, as multiples; each level after the first has half of the pixels on a side.
    pub multipliers: Vec<usize>,
    /// Residual blocks of a level on the way down.
    pub blocks: usize,
    /// Heights of the maps at which attention follows each block.
    pub attention: Vec<usize>,
    /// Probability of a value to be left out in training.
    pub dropout: f64,
    /// Groups of the normalization.
    pub groups: usize,
}

/// Adds the parameters of a U-Net with `outputs` channels to a layout and gives its program.
pub fn build(options: &UnetOptions, outputs: usize, layout: &mut Layout) -> Program {
    let [channels, height, width] = options.image;
    let mut builder = Builder { options, layout, nodes: Vec::new() };
    let image = builder.push(Op::Image, 0, MapShape { channels, height, width });
    let time = builder.embedding();
    let mut h = builder.convolution("input", image, options.channels, (3, 1), Start::Spread);
    let mut skips = vec![h];
    let last = options.multipliers.len() - 1;
    for (level, &multiplier) in options.multipliers.iter().enumerate() {
        for block in 0..options.blocks {
            let name = format!("down{level}.block{block}");
            h = builder.block(&name, h, multiplier * options.channels, time);
            h = builder.attention_where_asked(&name, h);
            skips.push(h);
        }
        if level < last {
            let channels = builder.shape(h).channels;
            h = builder.convolution(&format!("down{level}.reduce"), h, channels, (3, 2), Start::Spread);
            skips.push(h);
        }
    }
    let middle = builder.shape(h).channels;
    h = builder.block("middle.block0", h, middle, time);
    h = builder.attention("middle.attention", h);
    h = builder.block("middle.block1", h, middle, time);
    for (level, &multiplier) in options.multipliers.iter().enumerate().rev() {
        for block in 0..=options.blocks {
            let name = format!("up{level}.block{block}");
            let skip = skips.pop().expect("each block on the way up has a map of the way down");
            h = builder.concat(h, skip);
            h = builder.block(&name, h, multiplier * options.channels, time);
            h = builder.attention_where_asked(&name, h);
        }
        if level > 0 {
            let target = builder.shape(*skips.last().expect("the first map of the way down is left"));
            h = builder.upsample(h, target);
            let channels = builder.shape(h).channels;
            h = builder.convolution(&format!("up{level}.enlarge"), h, channels, (3, 1), Start::Spread);
        }
    }
    h = builder.norm("output.norm", h, true);
    builder.convolution("output", h, outputs, (3, 1), Start::Zero);
    Program { nodes: builder.nodes, dropout: options.dropout }
}

/// Where a convolution's weight starts.
#[derive(Clone, Copy, PartialEq)]
enum Start {
    /// Uniform with variance `2 / (inputs + outputs)` (Glorot & Bengio 2010), counted with the kernel's pixels.
    Spread,
    /// At 0: the last convolution of each residual branch, and of the network.
    Zero,
}

struct Builder<'a> {
    options: &'a UnetOptions,
    layout: &'a mut Layout,
    nodes: Vec<Node>,
}

impl Builder<'_> {
    fn push(&mut self, op: Op, from: usize, shape: MapShape) -> usize {
        self.nodes.push(Node { op, from, shape });
        self.nodes.len() - 1
    }

    fn shape(&self, node: usize) -> MapShape {
        self.nodes[node].shape
    }

    fn convolution(
        &mut self,
        name: &str,
        from: usize,
        output: usize,
        (kernel, stride): (usize, usize),
        start: Start,
    ) -> usize {
        let MapShape { channels, height, width } = self.shape(from);
        let pixels = kernel * kernel;
        let bound = (6.0 / ((channels + output) * pixels) as f64).sqrt();
        let init = if start == Start::Zero { Init::Zeros } else { Init::Uniform { bound } };
        let weight = self.layout.add(format!("{name}.weight"), vec![output, channels, kernel, kernel], init);
        let bias = self.layout.add(format!("{name}.bias"), vec![output], Init::Zeros);
        let shape =
            MapShape { channels: output, height: height.div_ceil(stride), width: width.div_ceil(stride) };
        self.push(Op::Convolution { weight, bias, kernel, stride }, from, shape)
    }

    fn affine(&mut self, name: &str, from: usize, output: usize, start: Start) -> usize {
        self.convolution(name, from, output, (1, 1), start)
    }

    fn norm(&mut self, name: &str, from: usize, silu: bool) -> usize {
        let shape = self.shape(from);
        let scale = self.layout.add(format!("{name}.weight"), vec![shape.channels], Init::Ones);
        let shift = self.layout.add(format!("{name}.bias"), vec![shape.channels], Init::Zeros);
        self.push(Op::Norm { scale, shift, groups: self.options.groups, silu }, from, shape)
    }

    fn silu(&mut self, from: usize) -> usize {
        self.push(Op::Silu, from, self.shape(from))
    }

    /// The embedding of the step, which every block gets: two affine maps with SiLU between and behind.
    fn embedding(&mut self) -> usize {
        let channels = self.options.channels;
        let node = self.nodes.len();
        let encoding = self.push(Op::Time, node, MapShape::vector(channels));
        let hidden = self.affine("time0", encoding, 4 * channels, Start::Spread);
        let hidden = self.silu(hidden);
        let embedding = self.affine("time1", hidden, 4 * channels, Start::Spread);
        self.silu(embedding)
    }

    fn add(&mut self, from: usize, other: usize) -> usize {
        self.push(Op::Add { other }, from, self.shape(from))
    }

    fn concat(&mut self, from: usize, other: usize) -> usize {
        let shape = self.shape(from);
        let channels = shape.channels + self.shape(other).channels;
        self.push(Op::Concat { other }, from, shape.with_channels(channels))
    }

    fn upsample(&mut self, from: usize, target: MapShape) -> usize {
        let channels = self.shape(from).channels;
        self.push(Op::Upsample, from, target.with_channels(channels))
    }

    /// A residual block: twice normalization, SiLU and convolution, with the step's embedding between the two.
    fn block(&mut self, name: &str, from: usize, output: usize, time: usize) -> usize {
        let h = self.norm(&format!("{name}.norm0"), from, true);
        let h = self.convolution(&format!("{name}.conv0"), h, output, (3, 1), Start::Spread);
        let vector = self.affine(&format!("{name}.time"), time, output, Start::Spread);
        let h = self.push(Op::AddVector { vector }, h, self.shape(h));
        let mut h = self.norm(&format!("{name}.norm1"), h, true);
        if self.options.dropout > 0.0 {
            h = self.push(Op::Dropout, h, self.shape(h));
        }
        let h = self.convolution(&format!("{name}.conv1"), h, output, (3, 1), Start::Zero);
        let skip = match self.shape(from).channels == output {
            true => from,
            false => self.affine(&format!("{name}.skip"), from, output, Start::Spread),
        };
        self.add(h, skip)
    }

    fn attention_where_asked(&mut self, name: &str, from: usize) -> usize {
        match self.options.attention.contains(&self.shape(from).height) {
            true => self.attention(&format!("{name}.attention"), from),
            false => from,
        }
    }

    /// A residual block of attention over the pixels.
    fn attention(&mut self, name: &str, from: usize) -> usize {
        let shape = self.shape(from);
        let h = self.norm(&format!("{name}.norm"), from, false);
        let h = self.affine(&format!("{name}.qkv"), h, 3 * shape.channels, Start::Spread);
        let h = self.push(Op::Attention, h, shape);
        let h = self.affine(&format!("{name}.output"), h, shape.channels, Start::Zero);
        self.add(h, from)
    }
}
