//! The network as the fused path keeps it: which layer has which parameters, and where each entry of the
//! flat vector lies.
//!
//! All parameters are one vector, as in [`Parameters`](crate::diffusion::network::parameters::Parameters),
//! but padded and with packed weights. The optimizer works on that vector as it is: padding has
//! gradient 0 and stays 0.

use super::gemm::FEW;
use super::packed::{padded, panels, position};
use crate::diffusion::{
    Activation, Conditioning, DiffusionError, NetworkOptions, TimeEncoding,
    network::{
        layout::{self, Layout},
        time,
    },
};
use candle_core::Tensor;
use std::ops::Range;

/// `y = x W^T + b`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Dense {
    pub input: usize,
    pub output: usize,
    /// Whether the product itself applies the ReLU that comes next.
    pub rectified: bool,
    start: usize,
    /// Whether anything reads `W`: the gradient with respect to the input, or the product for few outputs.
    turned: bool,
    transposed: usize,
}

impl Dense {
    /// Where the bias lies, padding included.
    pub fn bias(&self) -> Range<usize> {
        self.start..self.start + padded(self.output)
    }

    /// Where `W^T` `(input, output)` lies, in panels.
    pub fn weight(&self) -> Range<usize> {
        let start = self.bias().end;
        start..start + self.input * padded(self.output)
    }

    /// Where `W` `(output, input)` lies in the vector of transposed weights, in panels; empty where nothing reads it.
    pub fn transposed(&self) -> Range<usize> {
        let length = if self.turned { self.output * padded(self.input) } else { 0 };
        self.transposed..self.transposed + length
    }
}

/// A row of values for each step.
#[derive(Clone, Copy, Debug)]
pub(super) struct Table {
    pub columns: usize,
    start: usize,
    rows: usize,
}

impl Table {
    /// Where it lies.
    pub fn range(&self) -> Range<usize> {
        self.start..self.start + self.rows * padded(self.columns)
    }

    /// Row `row` of the table in `parameters`, padding included.
    pub fn row<'a>(&self, parameters: &'a [f32], row: usize) -> &'a [f32] {
        let width = padded(self.columns);
        &parameters[self.start + row * width..][..width]
    }
}

/// One layer.
#[derive(Clone, Copy, Debug)]
pub(super) struct LayerPlan {
    pub dense: Dense,
    /// The two affine maps of a layer's own time embedding.
    pub time: Option<[Dense; 2]>,
    /// The factors of the layer's outputs.
    pub scale: Option<Table>,
}

impl LayerPlan {
    /// The map whose results are the layer's, before factors and activation.
    pub fn last(&self) -> &Dense {
        self.time.as_ref().map_or(&self.dense, |[_, second]| second)
    }
}

/// A segment of the vector whose gradient is computed in one go: a tensor, or a panel of a weight.
#[derive(Clone, Copy, Debug)]
pub(super) enum Segment {
    /// The bias of a layer's map number `map`: 0 the layer itself, 1 and 2 its time embedding.
    Bias { layer: usize, map: usize },
    /// A panel of its weight.
    Weight { layer: usize, map: usize, column: usize, width: usize },
    /// The factors of a layer.
    Scale { layer: usize },
    /// The learned encoding.
    Encoding,
}

/// Layout of a network.
#[derive(Clone, Debug)]
pub(super) struct Model {
    pub dim: usize,
    pub activation: Activation,
    /// Whether the encoding is appended to the input.
    pub concat: bool,
    /// Width of the encoding; 0 if it is not used.
    pub time_width: usize,
    pub layers: Vec<LayerPlan>,
    /// The learned encoding.
    pub learned: Option<Table>,
    /// The fixed encoding, `(T, time_width)`.
    fixed: Vec<f32>,
    /// Segments and their lengths, in the order of the vector.
    pub segments: Vec<(Segment, usize)>,
    /// Every affine map whose transposed weight something reads, in the order of those.
    pub maps: Vec<Dense>,
    /// Where each entry of the network's own vector lies in the padded one.
    index: Vec<u32>,
    size: usize,
}

impl Model {
    /// Where the fused path keeps the parameters of a network of this layout.
    pub fn new(layout: &Layout, options: &NetworkOptions) -> Self {
        let (dim, steps, time_width) = (layout.dim, layout.steps, layout.time_width);
        let fixed = match options.time {
            TimeEncoding::Sinusoidal => time::sinusoidal(steps, time_width),
            TimeEncoding::Scalar if time_width > 0 => time::scalar(steps),
            _ => Vec::new(),
        };
        let mut model = Self {
            dim,
            activation: options.activation,
            concat: options.conditioning == Conditioning::Concat,
            time_width,
            layers: Vec::new(),
            learned: None,
            fixed: fixed.into_iter().map(|v| v as f32).collect(),
            segments: Vec::new(),
            maps: Vec::new(),
            index: vec![u32::MAX; layout.count()],
            size: 0,
        };
        model.learned =
            layout.encoding.map(|number| model.table(&layout.parameters[number], Segment::Encoding));
        for (layer, parts) in layout.layers.iter().enumerate() {
            let hidden = layer + 1 < layout.layers.len();
            let mut dense = |map: usize, affine: &layout::Affine, activated: bool| {
                model.dense(layout, affine, (layer, map), activated)
            };
            let plan = match &parts.modulation {
                layout::Modulation::None => {
                    LayerPlan { dense: dense(0, &parts.affine, hidden), time: None, scale: None }
                }
                layout::Modulation::Add([first, second]) => LayerPlan {
                    dense: dense(0, &parts.affine, false),
                    time: Some([dense(1, first, true), dense(2, second, hidden)]),
                    scale: None,
                },
                layout::Modulation::Scale(number) => LayerPlan {
                    dense: dense(0, &parts.affine, false),
                    time: None,
                    scale: Some(model.table(&layout.parameters[*number], Segment::Scale { layer })),
                },
            };
            model.layers.push(plan);
        }
        assert!(
            !model.index.contains(&u32::MAX),
            "every parameter of the layout belongs to a layer or a table"
        );
        model
    }

    /// Places the affine map number `map` of layer `layer`, whose results go straight into the activation if
    /// `activated`.
    fn dense(
        &mut self,
        layout: &Layout,
        affine: &layout::Affine,
        (layer, map): (usize, usize),
        activated: bool,
    ) -> Dense {
        let layout::Affine { input, output, .. } = *affine;
        let rectified = activated && self.activation == Activation::Relu && output > FEW;
        // A first map's input is data, or an encoding that may be learned.
        let has_input_gradient = match map {
            0 => layer > 0 || (self.learned.is_some() && self.concat),
            1 => self.learned.is_some(),
            _ => true,
        };
        let dense = Dense {
            input,
            output,
            rectified,
            start: self.size,
            turned: has_input_gradient || output <= FEW,
            transposed: self.transposed_size(),
        };
        let (bias, weight) = (dense.bias(), dense.weight());
        self.segments.push((Segment::Bias { layer, map }, bias.len()));
        for range in panels(output) {
            let segment = Segment::Weight { layer, map, column: range.start, width: range.len() };
            self.segments.push((segment, input * range.len()));
        }
        let entries = (0..output).flat_map(|o| (0..input).map(move |i| position(input, output, i, o)));
        self.index_parameter(&layout.parameters[affine.weight], entries.map(|entry| weight.start + entry));
        self.index_parameter(&layout.parameters[affine.bias], bias.start..bias.start + output);
        self.size = weight.end;
        self.maps.extend(dense.turned.then_some(dense));
        dense
    }

    /// Places a table with a row for each step.
    fn table(&mut self, parameter: &layout::Parameter, segment: Segment) -> Table {
        let [rows, columns] = parameter.shape[..] else { unreachable!("a table has rows and columns") };
        let table = Table { columns, start: self.size, rows };
        let range = table.range();
        self.segments.push((segment, range.len()));
        self.index_parameter(
            parameter,
            range.clone().step_by(padded(columns)).flat_map(|row| row..row + columns),
        );
        self.size = range.end;
        table
    }

    /// Notes where each value of a parameter lies in the padded vector.
    fn index_parameter(&mut self, parameter: &layout::Parameter, index: impl Iterator<Item = usize>) {
        let own = &mut self.index[parameter.offset..parameter.offset + parameter.count()];
        own.iter_mut().zip(index).for_each(|(own, place)| *own = place as u32);
    }

    /// Length of the vector of transposed weights.
    pub fn transposed_size(&self) -> usize {
        self.maps.last().map_or(0, |map| map.transposed().end)
    }

    /// The encoding of the step in row `row` of the table.
    pub fn encoding<'a>(&'a self, parameters: &'a [f32], row: usize) -> &'a [f32] {
        match &self.learned {
            Some(table) => &table.row(parameters, row)[..self.time_width],
            None => self.fixed.get(row * self.time_width..(row + 1) * self.time_width).unwrap_or(&[]),
        }
    }

    /// The padded vector of a network's flat one.
    ///
    /// # Errors
    /// If it is no vector of so many `f32`.
    pub fn pack(&self, flat: &Tensor) -> Result<Vec<f32>, DiffusionError> {
        let mut parameters = vec![0.0; self.size];
        for (place, value) in self.index.iter().zip(flat.to_vec1::<f32>()?) {
            parameters[*place as usize] = value;
        }
        Ok(parameters)
    }

    /// The network's flat vector of a padded one.
    ///
    /// # Errors
    /// If memory fails.
    pub fn unpack(&self, parameters: &[f32]) -> Result<Tensor, DiffusionError> {
        let flat: Vec<f32> = self.index.iter().map(|place| parameters[*place as usize]).collect();
        Ok(Tensor::from_vec(flat, self.index.len(), &candle_core::Device::Cpu)?)
    }
}
