//! Images from files and folders: what a file is, its first bytes say.

use super::built_in::NamedImages;
use super::kept::{KeptImages, Key};
use super::listing::{Entry, Listing, list};
use super::npy::npy;
use super::options::ImageOptions;
use super::reading::Reading;
use super::resample::{prepare, refusal};
use super::{ImageSet, ImagesError, cifar, folder, idx, picture};
use crate::data::table::{GZIP, file_bytes, gunzip};
use crate::numeric::digest::hex;
use crate::numeric::memory;
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::path::Path;
use std::sync::LazyLock;

/// How an array of NumPy begins.
const NPY: &[u8] = b"\x93NUMPY";

/// Where a tar archive says what it is, and how.
const TAR: (usize, &[u8]) = (257, b"ustar");

/// Images, and what is to be known of where they come from.
#[derive(Debug, Clone)]
pub struct FoundImages {
    /// The images.
    pub set: ImageSet,
    /// Digest of the files, in hexadecimal: of one file its SHA-256, of a folder that of the lines `DIGEST  NAME` of its
    /// files of images, which `sha256sum` writes, sorted by the names' bytes.
    pub sha256: String,
    /// What was decided and may not be meant, one sentence each.
    pub notices: Vec<String>,
    /// Where they are to be kept, if that was asked for and they are not there.
    pub to_keep: Option<KeptImages>,
}

/// Reads images from a file (npy, idx, gzipped or not, CIFAR's binary files, one image) or from a folder (files of one image
/// each in it and in the folders in it, CIFAR's training batches, or idx files), prepared as the options ask.
///
/// # Errors
/// If something cannot be read, holds no images, is damaged, or has different sizes or channels.
pub fn read(path: &Path, options: &ImageOptions) -> Result<FoundImages, ImagesError> {
    read_watched(path, options, Reading::default())
}

/// As [`read`]; pictures of a folder may be kept, and it may be watched how they are decoded.
///
/// # Errors
/// As [`read`].
pub fn read_watched(
    path: &Path,
    options: &ImageOptions,
    reading: Reading,
) -> Result<FoundImages, ImagesError> {
    if !std::fs::metadata(path)?.is_dir() {
        let is_bin = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("bin"));
        return of_file(&file_bytes(path)?, is_bin)?.prepared(options);
    }
    let Listing { pictures, batches, idx, notices } = list(path)?;
    let found = match (pictures.is_empty(), batches.is_empty(), idx.is_empty()) {
        (true, true, true) => {
            let rest = notices.iter().map(|notice| format!("; {notice}")).collect::<String>();
            return Err(ImagesError::Empty(format!(
                "the folder holds no PNG, JPEG or WebP, no training batch of CIFAR and no idx file{rest}"
            )));
        }
        (false, true, true) => of_pictures(&pictures, options, reading)?.with(notices),
        (true, false, true) => concatenated(&batches)?.prepared(options)?.with(notices),
        (true, true, false) => concatenated(&idx)?.prepared(options)?.with(notices),
        _ => {
            let counts = [(&pictures, "PNG, JPEG or WebP"), (&batches, "of CIFAR"), (&idx, "idx")];
            let counts = counts.iter().filter(|(files, _)| !files.is_empty());
            let counts: Vec<String> = counts.map(|(files, what)| format!("{} {what}", files.len())).collect();
            return Err(ImagesError::Damaged(format!(
                "the folder holds files of several kinds: {}; give a folder or a file of one kind",
                counts.join(", ")
            )));
        }
    };
    Ok(found)
}

/// The images of files of one picture each, from where they are kept or decoded.
fn of_pictures(
    pictures: &[Entry],
    options: &ImageOptions,
    Reading { cache, watch }: Reading,
) -> Result<FoundImages, ImagesError> {
    let (mut to_keep, mut notices) = (None, Vec::new());
    if let Some((cache, sha256)) = cache.zip(cache.and_then(|_| folder::digest(pictures))) {
        let kept = KeptImages::of(cache, Key::new(&sha256, options));
        match kept.read() {
            Ok(Some((set, notices))) => return Ok(FoundImages { set, sha256, notices, to_keep: None }),
            Ok(None) => {}
            Err(reason) => notices.push(format!("{reason}; the pictures are decoded again")),
        }
        to_keep = Some(kept);
    }
    let (set, sha256, decided) = folder::read(pictures, options, watch)?;
    // Files that changed in the meantime are not kept under the digest that they had.
    let to_keep = to_keep.filter(|kept: &KeptImages| kept.is_of(&sha256, options));
    let to_keep = to_keep.map(|kept| kept.with(decided.clone()));
    notices.extend(decided);
    Ok(FoundImages { set, sha256, notices, to_keep })
}

/// The images of a name, prepared as the options ask.
///
/// # Errors
/// As [`read`], for options that do not fit.
pub fn read_named(name: NamedImages, options: &ImageOptions) -> Result<FoundImages, ImagesError> {
    // They never change, so a process decodes them once.
    static DIGITS: LazyLock<FoundImages> = LazyLock::new(|| {
        of_file(NamedImages::Digits.file(), false).expect("the program's own file is whole, as tests read it")
    });
    match name {
        NamedImages::Digits => DIGITS.clone().prepared(options),
    }
}

impl FoundImages {
    /// The images cut, resized, and with the channels that the options ask for.
    fn prepared(self, options: &ImageOptions) -> Result<Self, ImagesError> {
        let (height, width, channels) = self.set.shape();
        if !matches!(channels, 1 | 3) {
            return Err(ImagesError::Channels(format!(
                "its images have {channels} channels, but 1 (grey) or 3 (red, green, blue) are read; axes are (n, height, width, channels)"
            )));
        }
        if let Some(side) = options.size {
            let bytes = memory::product([self.set.len() as u64, side as u64, side as u64, 3]);
            memory::check(&format!("{} images", self.set.len()), bytes).map_err(ImagesError::Damaged)?;
        }
        refusal((height, width), options).map_or(Ok(()), |reason| Err(ImagesError::Damaged(reason)))?;
        let shape = prepare(self.set.shape(), self.set.image(0), options).shape;
        if shape == (height, width, channels) {
            return Ok(self);
        }
        let each = (0..self.set.len()).into_par_iter();
        let pixels: Vec<Vec<u8>> =
            each.map(|i| prepare(self.set.shape(), self.set.image(i), options).pixels).collect();
        let set = ImageSet::new(shape, pixels.concat(), self.set.names);
        Ok(Self { set: set.map_err(|e| ImagesError::Damaged(e.to_string()))?, ..self })
    }

    /// With what is known of the folder before what is known of the images.
    fn with(mut self, notices: Vec<String>) -> Self {
        self.notices.splice(0..0, notices);
        self
    }
}

/// The images in the bytes of a file; a file of CIFAR is known by its name alone, which ends in `.bin`.
fn of_file(bytes: &[u8], is_bin: bool) -> Result<FoundImages, ImagesError> {
    let unpacked;
    let inner = if bytes.starts_with(GZIP) {
        unpacked = gunzip(bytes)?;
        unpacked.as_slice()
    } else {
        bytes
    };
    let set = if inner.starts_with(NPY) {
        npy(inner)?
    } else if idx::begins_as_one(inner) && !(is_bin && cifar::decode(inner).is_ok()) {
        idx::decode(inner)?
    } else if is_bin {
        cifar::decode(inner)?
    } else if inner.get(TAR.0..).is_some_and(|rest| rest.starts_with(TAR.1)) {
        return Err(ImagesError::Damaged("it is a tar archive; unpack it and give the folder".to_string()));
    } else if image::guess_format(inner).is_ok() {
        let found = picture::decode(inner).map_err(ImagesError::Damaged)?;
        let picture = found.picture;
        let set = ImageSet::new(picture.shape, picture.pixels, vec!["0".to_string()]);
        set.map_err(|e| ImagesError::Damaged(e.to_string()))?
    } else {
        return Err(ImagesError::NotImages(
            "the file is no array of NumPy, not in the format of MNIST (idx), no binary file of CIFAR (.bin), and no PNG, JPEG or WebP".to_string(),
        ));
    };
    if set.is_empty() {
        return Err(ImagesError::Empty("the array holds no image".to_string()));
    }
    let sha256 = hex(Sha256::new_with_prefix(bytes));
    Ok(FoundImages { set, sha256, notices: Vec::new(), to_keep: None })
}

/// The images of several files of arrays, one after the other; their names are those of the files and numbers.
fn concatenated(entries: &[Entry]) -> Result<FoundImages, ImagesError> {
    let mut all: Option<ImageSet> = None;
    let mut hash = Sha256::new();
    for entry in entries {
        let in_file = |e: ImagesError| ImagesError::Damaged(format!("{}: {e}", entry.name));
        let is_bin = entry.name.ends_with(".bin");
        let bytes = file_bytes(&entry.place).map_err(|e| in_file(e.into()))?;
        let mut found = of_file(&bytes, is_bin).map_err(in_file)?;
        hash.update(format!("{}  {}\n", found.sha256, entry.name));
        found.set.names.iter_mut().for_each(|name| *name = format!("{}:{name}", entry.name));
        match &mut all {
            None => all = Some(found.set),
            Some(all) if all.shape() == found.set.shape() => {
                all.pixels.append(&mut found.set.pixels);
                all.names.append(&mut found.set.names);
            }
            Some(all) => {
                return Err(ImagesError::Sizes(format!(
                    "{} has images of {:?}, but {} of {:?} (height, width, channels)",
                    entries[0].name,
                    all.shape(),
                    entry.name,
                    found.set.shape()
                )));
            }
        }
    }
    let set = all.expect("a list of files that is not empty");
    Ok(FoundImages { set, sha256: hex(hash), notices: Vec::new(), to_keep: None })
}
