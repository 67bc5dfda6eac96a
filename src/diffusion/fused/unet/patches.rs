//! Images with a border of zeros, and the neighbourhoods of their pixels as matrices `(channels * 9, pixels)`.

use super::product::grow;
use crate::diffusion::fused::packed::NARROW;
use crate::diffusion::network::unet::MapShape;
use pulp::{Simd, WithSimd};

/// Pixels of a 3 x 3 neighbourhood.
pub(super) const NEIGHBOURS: usize = 9;

/// Maps with a border of one zero around each image.
#[derive(Debug, Default)]
pub(super) struct Bordered {
    values: Vec<f32>,
    /// Of none before they are filled in.
    shape: Option<MapShape>,
    images: usize,
}

impl Bordered {
    /// Takes in a map of some images, with `row` numbers from channel to channel.
    pub fn fill(&mut self, map: &[f32], row: usize, shape: MapShape, images: usize) {
        self.spread(map, row, shape, images, (shape, 1));
    }

    /// Takes in a map whose pixels go to every second place of a larger one `target`: what a convolution with stride 2 goes
    /// back over.
    pub fn fill_spread(&mut self, map: &[f32], row: usize, shape: MapShape, images: usize, target: MapShape) {
        self.spread(map, row, shape, images, (target.with_channels(shape.channels), 2));
    }

    fn spread(
        &mut self,
        map: &[f32],
        row: usize,
        shape: MapShape,
        images: usize,
        (target, step): (MapShape, usize),
    ) {
        let (line, plane) = (target.width + 2, (target.height + 2) * (target.width + 2));
        // Copies go by whole registers, so some numbers behind the end are read.
        let length = shape.channels * images * plane + 2 * NARROW;
        grow(&mut self.values, length);
        for channel in 0..shape.channels {
            for image in 0..images {
                let from = &map[channel * row + image * shape.pixels()..][..shape.pixels()];
                let to = &mut self.values[(channel * images + image) * plane..][..plane];
                if step == 1 {
                    // The border; everything else is written below.
                    to[..line].fill(0.0);
                    to[plane - line..].fill(0.0);
                    to.chunks_exact_mut(line).for_each(|line| (line[0], line[line.len() - 1]) = (0.0, 0.0));
                } else {
                    to.fill(0.0);
                }
                for (y, from) in from.chunks_exact(shape.width).enumerate() {
                    let to = &mut to[(step * y + 1) * line + 1..];
                    if step == 1 {
                        to[..shape.width].copy_from_slice(from);
                    } else {
                        from.iter().zip(to.iter_mut().step_by(step)).for_each(|(from, to)| *to = *from);
                    }
                }
            }
        }
        (self.shape, self.images) = (Some(target), images);
    }

    /// Where the neighbourhoods of the pixels `first..first + count` of a map of results begin, which has every `step`-th
    /// pixel.
    pub fn places(&self, first: usize, count: usize, step: usize, places: &mut Vec<Run>) {
        let shape = self.shape.expect("the images were filled in");
        let (line, plane) = (shape.width + 2, (shape.height + 2) * (shape.width + 2));
        let (rows, columns) = (shape.height.div_ceil(step), shape.width.div_ceil(step));
        places.clear();
        let mut done = 0;
        while done < count {
            let pixel = first + done;
            let (image, within) = (pixel / (rows * columns), pixel % (rows * columns));
            let (y, x) = (within / columns, within % columns);
            let length = if step == 1 { (columns - x).min(count - done) } else { 1 };
            let from = image * plane + step * y * line + step * x;
            places.push(Run { from, to: done, length });
            done += length;
        }
    }

    /// The neighbourhoods of those pixels, as rows of `width` numbers for each channel and neighbour. Numbers behind a row's
    /// last pixel mean nothing.
    pub fn matrix<'a>(&'a self, places: &'a [Run], width: usize, out: &'a mut Vec<f32>) -> Gather<'a> {
        let shape = self.shape.expect("the images were filled in");
        grow(out, shape.channels * NEIGHBOURS * width + 2 * NARROW);
        Gather { images: self, shape, places, width, out }
    }
}

/// Pixels that lie behind one another, both in the images and in a matrix of neighbourhoods.
#[derive(Clone, Copy, Debug)]
pub(super) struct Run {
    from: usize,
    to: usize,
    length: usize,
}

/// Fills a matrix of neighbourhoods.
pub(super) struct Gather<'a> {
    images: &'a Bordered,
    shape: MapShape,
    places: &'a [Run],
    width: usize,
    out: &'a mut [f32],
}

impl WithSimd for Gather<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) {
        let Self { images, shape, places, width, out } = self;
        let (line, plane) = (shape.width + 2, (shape.height + 2) * (shape.width + 2));
        let mut row = 0;
        for channel in 0..shape.channels {
            let values = &images.values[channel * images.images * plane..];
            for neighbour in 0..NEIGHBOURS {
                let shifted = &values[neighbour / 3 * line + neighbour % 3..];
                let out = &mut out[row * width..];
                for &Run { from, to, length } in places {
                    if length == 1 {
                        out[to] = shifted[from];
                        continue;
                    }
                    // Whole registers or halves: what is too much is overwritten by the next run or row. Short runs are
                    // copied in short pieces, which do not cross lines of the cache.
                    match length {
                        ..=4 => copy::<4>(&shifted[from..], &mut out[to..], 1),
                        5..=8 => copy::<8>(&shifted[from..], &mut out[to..], 1),
                        _ => copy::<NARROW>(&shifted[from..], &mut out[to..], length.div_ceil(NARROW)),
                    }
                }
                row += 1;
            }
        }
    }
}

/// Copies some pieces of `N` numbers.
#[inline(always)]
fn copy<const N: usize>(from: &[f32], to: &mut [f32], pieces: usize) {
    let from = from[..pieces * N].as_chunks::<N>().0;
    let to = to[..pieces * N].as_chunks_mut::<N>().0;
    to.iter_mut().zip(from).for_each(|(to, from)| *to = *from);
}
