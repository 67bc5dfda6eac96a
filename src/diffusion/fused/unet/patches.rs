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
        let from = (map, row, shape);
        // Of a width that is known here, lines are copied without a call.
        match shape.width {
            4 => self.each(from, shape, images, |from, to| with_border(4, from, to)),
            8 => self.each(from, shape, images, |from, to| with_border(8, from, to)),
            16 => self.each(from, shape, images, |from, to| with_border(16, from, to)),
            width => self.each(from, shape, images, |from, to| with_border(width, from, to)),
        }
    }

    /// Takes in a map whose pixels go to every second place of a larger one `target`: what a convolution with stride 2 goes
    /// back over.
    pub fn fill_spread(&mut self, map: &[f32], row: usize, shape: MapShape, images: usize, target: MapShape) {
        let line = target.width + 2;
        self.each((map, row, shape), target, images, |from, to| {
            to.fill(0.0);
            for (y, from) in from.chunks_exact(shape.width).enumerate() {
                let to = to[(2 * y + 1) * line + 1..].iter_mut().step_by(2);
                from.iter().zip(to).for_each(|(from, to)| *to = *from);
            }
        });
    }

    /// Writes each channel of each image, pixels first and then its place with a border.
    fn each(
        &mut self,
        (map, row, shape): (&[f32], usize, MapShape),
        target: MapShape,
        images: usize,
        write: impl Fn(&[f32], &mut [f32]),
    ) {
        let plane = (target.width + 2) * (target.height + 2);
        // Copies go by whole registers, so some numbers behind the end are read.
        grow(&mut self.values, shape.channels * images * plane + 2 * NARROW);
        let mut places = self.values.chunks_exact_mut(plane);
        for map in map.chunks(row).take(shape.channels) {
            let pixels = map.chunks_exact(shape.pixels()).take(images);
            pixels.zip(&mut places).for_each(|(from, to)| write(from, to));
        }
        (self.shape, self.images) = (Some(target.with_channels(shape.channels)), images);
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

    /// The values from the upper left neighbour on, for each channel and neighbour.
    #[inline(always)]
    fn shifted(&self, shape: MapShape) -> impl Iterator<Item = &[f32]> {
        let (line, plane) = (shape.width + 2, (shape.height + 2) * (shape.width + 2));
        (0..shape.channels).flat_map(move |channel| {
            let values = &self.values[channel * self.images * plane..];
            (0..NEIGHBOURS).map(move |neighbour| &values[neighbour / 3 * line + neighbour % 3..])
        })
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
    fn with_simd<S: Simd>(mut self, _: S) {
        match self.shape.width {
            4 => self.lines::<4, 4>(),
            8 => self.lines::<4, 8>(),
            16 => self.lines::<2, 16>(),
            _ => {}
        }
        self.runs();
    }
}

impl Gather<'_> {
    /// Takes `RUNS` whole lines of one image of width `WIDTH` together, as long as there are such: where they lie to each other
    /// is known when this is compiled. A run behind them is not longer than a line, so that what [`runs`](Self::runs) copies
    /// too much stays within its row.
    #[inline(always)]
    fn lines<const RUNS: usize, const WIDTH: usize>(&mut self) {
        let Self { images, shape, width, .. } = *self;
        let place = |run: usize| run * (WIDTH + 2);
        while let Some((block, rest)) = self.places.split_first_chunk::<RUNS>()
            && (0..RUNS)
                .all(|run| block[run].length == WIDTH && block[run].from == block[0].from + place(run))
        {
            let Run { from, to, .. } = block[0];
            for (row, shifted) in images.shifted(shape).enumerate() {
                let lines = &shifted[from..][..place(RUNS - 1) + WIDTH];
                let out = &mut self.out[row * width + to..][..RUNS * WIDTH];
                for run in 0..RUNS {
                    out[run * WIDTH..][..WIDTH].copy_from_slice(&lines[place(run)..][..WIDTH]);
                }
            }
            self.places = rest;
        }
    }

    /// Takes the runs one by one.
    #[inline(always)]
    fn runs(self) {
        let Self { images, shape, places, width, out } = self;
        if places.is_empty() {
            return;
        }
        for (row, shifted) in images.shifted(shape).enumerate() {
            let out = &mut out[row * width..];
            for &Run { from, to, length } in places {
                if length == 1 {
                    out[to] = shifted[from];
                    continue;
                }
                // Whole registers or halves: what is too much is overwritten by the next run or row. Short runs are copied in
                // short pieces, which do not cross lines of the cache.
                match length {
                    ..=4 => copy::<4>(&shifted[from..], &mut out[to..], 1),
                    5..=8 => copy::<8>(&shifted[from..], &mut out[to..], 1),
                    _ => copy::<NARROW>(&shifted[from..], &mut out[to..], length.div_ceil(NARROW)),
                }
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

/// An image of this width with a border of zeros.
#[inline(always)]
fn with_border(width: usize, from: &[f32], to: &mut [f32]) {
    let (first, lines) = to.split_at_mut(width + 2);
    first.fill(0.0);
    for (from, to) in from.chunks_exact(width).zip(lines.chunks_exact_mut(width + 2)) {
        (to[0], to[width + 1]) = (0.0, 0.0);
        to[1..=width].copy_from_slice(from);
    }
    lines[from.len() / width * (width + 2)..].fill(0.0);
}
