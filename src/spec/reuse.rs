//! What the points of a sweep have in common, made once: reading ten thousand points must not read a table or
//! lay out a schedule ten thousand times.

use crate::data::images::{
    self, ImageOptions, ImageSet, ImagesError, KeptImages, NamedImages, Reading, Watch,
};
use crate::data::table::{self, TableError, TableOptions};
use crate::diffusion::{DiffusionError, DiffusionOptions, Schedule, ScheduleKind};
use crate::metrics::features::NetworkWeights;
use crate::numeric::digest::hex;
use crate::space::dequantize::ties;
use ndarray::{Array2, ArrayView1, Axis};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::hash::Hash;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A table of points as its file has it.
#[derive(Clone)]
pub struct TableFile {
    /// The points.
    pub rows: Arc<Array2<f64>>,
    /// The names of the axes.
    pub names: Arc<[String]>,
    /// Whether a line of numbers was found to be the header.
    pub found_header_of_numbers: bool,
    /// Digest of the file, in hexadecimal.
    pub sha256: String,
    /// What the reader of the file has to say.
    pub notices: Arc<[String]>,
    /// Mean and standard deviation of each axis.
    pub moments: Arc<[(f64, f64)]>,
    /// Rows less distinct values of the axis in which points tie most.
    pub ties: usize,
    /// For each row that stands there more than once, how often.
    pub copies: Arc<[usize]>,
}

impl TableFile {
    fn read(place: &Path, options: &TableOptions) -> Result<Self, TableError> {
        // The digest is of the very bytes that were decoded, and a pipe can be read once only.
        let bytes = table::file_bytes(place)?;
        let found = table::decode_named(place, &bytes, options)?;
        let moments = found
            .points
            .axis_iter(Axis(1))
            .map(|axis| (axis.mean().expect("a table has a row"), axis.std(0.0)));
        Ok(Self {
            moments: moments.collect(),
            ties: most_ties(&found.points),
            copies: copies(&found.points),
            rows: Arc::new(found.points),
            names: found.names.into(),
            found_header_of_numbers: found.found_header_of_numbers,
            sha256: hex(Sha256::new_with_prefix(bytes.as_slice())),
            notices: found.notices.into(),
        })
    }
}

/// Rows less distinct values of the axis in which points tie most.
fn most_ties(points: &Array2<f64>) -> usize {
    let axes: Vec<ArrayView1<f64>> = points.columns().into_iter().collect();
    axes.into_par_iter().map(|axis| ties(axis.iter().copied())).max().unwrap_or(0)
}

/// How often each row stands there that does so more than once.
fn copies(points: &Array2<f64>) -> Arc<[usize]> {
    // -0 and 0 are the same place.
    several(
        points.rows().into_iter().map(|row| row.iter().map(|v| (v + 0.0).to_bits()).collect::<Vec<u64>>()),
    )
}

/// How often each item is there that is so more than once.
fn several<T: Eq + Hash>(items: impl Iterator<Item = T>) -> Arc<[usize]> {
    let mut counts: HashMap<T, usize> = HashMap::new();
    items.for_each(|item| *counts.entry(item).or_default() += 1);
    counts.into_values().filter(|count| *count > 1).collect()
}

/// Where images are.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum ImageOrigin {
    /// In the program.
    Named(NamedImages),
    /// In a file or folder.
    Path(PathBuf),
}

/// Images as they were read.
#[derive(Clone)]
pub struct ImageFile {
    /// The images.
    pub set: Arc<ImageSet>,
    /// Digest of the files, in hexadecimal.
    pub sha256: String,
    /// What the reader has to say.
    pub notices: Arc<[String]>,
    /// Images less distinct values of the pixel in which they tie most.
    pub ties: usize,
    /// For each image that is there more than once, how often.
    pub copies: Arc<[usize]>,
    to_keep: Option<KeptImages>,
}

/// Images that were decoded and are to be kept.
#[derive(Debug, Clone)]
pub struct DecodedImages {
    /// The images.
    pub set: Arc<ImageSet>,
    /// Where.
    pub place: KeptImages,
}

impl ImageFile {
    fn read(origin: &ImageOrigin, options: &ImageOptions, reading: Reading) -> Result<Self, ImagesError> {
        let found = match origin {
            ImageOrigin::Named(name) => images::read_named(*name, options)?,
            ImageOrigin::Path(place) => images::read_watched(place, options, reading)?,
        };
        Ok(Self {
            ties: most_ties_of_bytes(&found.set),
            copies: several((0..found.set.len()).map(|i| found.set.image(i))),
            set: Arc::new(found.set),
            sha256: found.sha256,
            notices: found.notices.into(),
            to_keep: found.to_keep,
        })
    }
}

/// Images less distinct values of the pixel in which they tie most.
fn most_ties_of_bytes(set: &ImageSet) -> usize {
    let mut seen = vec![[false; 256]; set.values_per_image()];
    for image in set.rows().rows() {
        image.iter().zip(&mut seen).for_each(|(&value, seen)| seen[usize::from(value)] = true);
    }
    let distinct = seen.iter().map(|seen| seen.iter().filter(|there| **there).count()).min();
    set.len() - distinct.unwrap_or(set.len())
}

/// Schedules, and what was read from files, that have been made already.
#[derive(Default)]
pub struct Reuse<'a> {
    /// Where relative paths begin; nowhere is the current folder.
    folder: PathBuf,
    /// Sees how pictures are decoded.
    watch: Option<&'a Watch<'a>>,
    schedules: HashMap<(usize, ScheduleKind, u64, u64, bool), Arc<Schedule>>,
    tables: HashMap<(PathBuf, TableOptions), TableFile>,
    images: HashMap<(ImageOrigin, ImageOptions), ImageFile>,
    weights: HashMap<PathBuf, Arc<NetworkWeights>>,
}

impl<'a> Reuse<'a> {
    /// Nothing yet; relative paths begin in `folder`.
    pub fn beginning_in(folder: &Path, watch: Option<&'a Watch<'a>>) -> Self {
        Self { folder: folder.to_path_buf(), watch, ..Self::default() }
    }

    /// The schedule that the options describe.
    ///
    /// # Errors
    /// As [`Schedule::new`].
    pub fn schedule(&mut self, o: &DiffusionOptions) -> Result<Arc<Schedule>, DiffusionError> {
        let key = (o.steps, o.schedule, o.beta_start.to_bits(), o.beta_end.to_bits(), o.rescale);
        if let Some(schedule) = self.schedules.get(&key) {
            return Ok(Arc::clone(schedule));
        }
        let schedule = Arc::new(Schedule::new(o)?);
        self.schedules.insert(key, Arc::clone(&schedule));
        Ok(schedule)
    }

    /// Where relative paths begin; nowhere is the current folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The table in a file.
    ///
    /// # Errors
    /// As [`table::read`].
    pub fn table(&mut self, place: &Path, options: &TableOptions) -> Result<TableFile, TableError> {
        let key = (place.to_path_buf(), options.clone());
        if let Some(table) = self.tables.get(&key) {
            return Ok(table.clone());
        }
        let table = TableFile::read(place, options)?;
        self.tables.insert(key, table.clone());
        Ok(table)
    }

    /// Images, prepared as the options ask; pictures of a folder are looked for in a cache.
    ///
    /// # Errors
    /// As [`images::read`].
    pub fn images(
        &mut self,
        origin: &ImageOrigin,
        options: &ImageOptions,
        cache: Option<&Path>,
    ) -> Result<ImageFile, ImagesError> {
        let key = (origin.clone(), *options);
        if let Some(found) = self.images.get(&key) {
            return Ok(found.clone());
        }
        let found = ImageFile::read(origin, options, Reading { cache, watch: self.watch })?;
        self.images.insert(key, found.clone());
        Ok(found)
    }

    /// The images that are to be kept in a cache.
    pub fn decoded(&self) -> Vec<DecodedImages> {
        let of = |file: &ImageFile| {
            Some(DecodedImages { set: Arc::clone(&file.set), place: file.to_keep.clone()? })
        };
        self.images.values().filter_map(of).collect()
    }

    /// The weights of a network in a file.
    ///
    /// # Errors
    /// If it cannot be read or holds none, in a sentence without the file's name.
    pub fn weights(&mut self, place: &Path) -> Result<Arc<NetworkWeights>, String> {
        if let Some(weights) = self.weights.get(place) {
            return Ok(Arc::clone(weights));
        }
        let bytes = table::file_bytes(place).map_err(|e| e.to_string())?;
        let weights = Arc::new(NetworkWeights::read(&bytes).map_err(|e| e.to_string())?);
        self.weights.insert(place.to_path_buf(), Arc::clone(&weights));
        Ok(weights)
    }
}
