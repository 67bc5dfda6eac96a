//! On the CPU: the patches of a convolution as a matrix with any padding, pooling with borders, and bias with `max(0, .)` in
//! one walk. candle's own take one padding for both axes, know no border that counts for nothing, and are slower.

use candle_core::{CpuStorage, CustomOp1, CustomOp2, Layout, Result, Shape, bail};

/// The matrix whose product with a kernel is a convolution: `(n, channels rows columns, places)`, an entry for each entry of
/// the kernel and each place where it is laid.
pub(super) struct Patches {
    pub kernel: (usize, usize),
    pub stride: usize,
    pub padding: (usize, usize),
}

impl Patches {
    /// Rows and columns of the places, for maps of this height and width.
    pub fn extent(&self, (height, width): (usize, usize)) -> (usize, usize) {
        let along = |size, padding, kernel| (size + 2 * padding - kernel) / self.stride + 1;
        (along(height, self.padding.0, self.kernel.0), along(width, self.padding.1, self.kernel.1))
    }
}

/// The numbers of a contiguous tensor of single precision.
fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    match (storage, layout.contiguous_offsets()) {
        (CpuStorage::F32(values), Some((from, to))) => Ok(&values[from..to]),
        _ => bail!("the maps must be contiguous and in single precision"),
    }
}

impl CustomOp1 for Patches {
    fn name(&self) -> &'static str {
        "patches"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers(storage, layout)?;
        let (n, channels, height, width) = layout.shape().dims4()?;
        let (rows, columns) = self.extent((height, width));
        let ((kernel_rows, kernel_columns), (above, left)) = (self.kernel, self.padding);
        let depth = channels * kernel_rows * kernel_columns;
        let mut out = vec![0.0f32; n * depth * rows * columns];
        let maps = x.chunks_exact(height * width);
        let lines = out.chunks_exact_mut(kernel_rows * kernel_columns * rows * columns);
        for (map, lines) in maps.zip(lines) {
            for (entry, line) in lines.chunks_exact_mut(rows * columns).enumerate() {
                let (a, b) = (entry / kernel_columns, entry % kernel_columns);
                // The places of a line whose column lies within the map.
                let first = left.saturating_sub(b).div_ceil(self.stride);
                let last = (width + left).saturating_sub(b).div_ceil(self.stride).min(columns);
                if first >= last {
                    continue;
                }
                for (row, line) in line.chunks_exact_mut(columns).enumerate() {
                    let Some(y) = (row * self.stride + a).checked_sub(above).filter(|y| *y < height) else {
                        continue;
                    };
                    let from = y * width + first * self.stride + b - left;
                    let (line, source) = (&mut line[first..last], &map[from..(y + 1) * width]);
                    match self.stride {
                        1 => line.copy_from_slice(&source[..line.len()]),
                        stride => {
                            line.iter_mut().zip(source.iter().step_by(stride)).for_each(|(to, v)| *to = *v);
                        }
                    }
                }
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((n, depth, rows * columns))))
    }
}

/// What 3 x 3 entries become.
pub(super) enum Pooling {
    Largest,
    Mean,
}

/// Pooling over 3 x 3 entries; those beyond the map count for nothing.
pub(super) struct Pool {
    pub pooling: Pooling,
    pub stride: usize,
    /// Rows and columns beyond the map on which the centre of the first 3 x 3 entries is nearer to it.
    pub border: usize,
}

impl CustomOp1 for Pool {
    fn name(&self) -> &'static str {
        "pool"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let x = numbers(storage, layout)?;
        let (n, channels, height, width) = layout.shape().dims4()?;
        let extent = |size: usize| (size + 2 * self.border - 3) / self.stride + 1;
        let (rows, columns) = (extent(height), extent(width));
        let mut out = Vec::with_capacity(n * channels * rows * columns);
        // The entries that three in a row take in, from `place` on.
        let range = |place: usize, size: usize| {
            (place * self.stride).saturating_sub(self.border)
                ..(place * self.stride + 3 - self.border).min(size)
        };
        let mut line = vec![0.0f32; width];
        for map in x.chunks_exact(height * width) {
            for row in 0..rows {
                // First over the rows, for all columns at once.
                let (rows_in, empty) = (
                    range(row, height),
                    match self.pooling {
                        Pooling::Largest => f32::NEG_INFINITY,
                        Pooling::Mean => 0.0,
                    },
                );
                line.fill(empty);
                for y in rows_in.clone() {
                    let source = &map[y * width..(y + 1) * width];
                    match self.pooling {
                        Pooling::Largest => line.iter_mut().zip(source).for_each(|(l, v)| *l = l.max(*v)),
                        Pooling::Mean => line.iter_mut().zip(source).for_each(|(l, v)| *l += v),
                    }
                }
                out.extend((0..columns).map(|column| {
                    let range = range(column, width);
                    let values = &line[range.clone()];
                    match self.pooling {
                        Pooling::Largest => values.iter().copied().fold(empty, f32::max),
                        Pooling::Mean => values.iter().sum::<f32>() / (rows_in.len() * range.len()) as f32,
                    }
                }));
            }
        }
        Ok((CpuStorage::F32(out), Shape::from((n, channels, rows, columns))))
    }
}

/// Adds a bias to each channel of `(n, channels, places)`, then `max(0, .)` if `rectify`.
pub(super) struct AddBias {
    pub rectify: bool,
}

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add_bias"
    }

    fn cpu_fwd(
        &self,
        storage: &CpuStorage,
        layout: &Layout,
        bias: &CpuStorage,
        bias_layout: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (x, bias) = (numbers(storage, layout)?, numbers(bias, bias_layout)?);
        let least = if self.rectify { 0.0 } else { f32::NEG_INFINITY };
        let places = x.len() / bias.len() / layout.dims()[0];
        let mut out = Vec::with_capacity(x.len());
        for (map, bias) in x.chunks_exact(places).zip(bias.iter().cycle()) {
            out.extend(map.iter().map(|v| (v + bias).max(least)));
        }
        Ok((CpuStorage::F32(out), layout.shape().clone()))
    }
}
