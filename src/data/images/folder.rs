//! A folder of files of one image each.

use super::listing::Entry;
use super::options::{Crop, DamagedImages, ImageOptions};
use super::picture::{MOST_BYTES, decode};
use super::reading::Watch;
use super::resample::{Picture, prepare, refusal};
use super::{ImageSet, ImagesError};
use crate::numeric::digest::hex;
use crate::numeric::memory::{self, size};
use rayon::prelude::*;
use sha2::{Digest, Sha256};
use std::fs;
use std::sync::{Mutex, PoisonError};

/// Files that a message names one by one; of more it gives the number.
const NAMED: usize = 10;

/// A file that was read.
struct Read {
    picture: Picture,
    /// Height and width in the file.
    original: (usize, usize),
    animated: bool,
    blended: bool,
}

/// The images of the files in their order, prepared as the options ask; the digest of names and bytes: the SHA-256 of lines
/// `DIGEST  NAME`, as `sha256sum` writes them; and what was decided, a sentence each.
///
/// # Errors
/// If files cannot be decoded and are not to be left out, or the images have different sizes and none is asked for.
pub(super) fn read(
    entries: &[Entry],
    options: &ImageOptions,
    watch: Option<&Watch>,
) -> Result<(ImageSet, String, Vec<String>), ImagesError> {
    if let Some(side) = options.size {
        let bytes = memory::product([entries.len() as u64, side as u64, side as u64, 3]);
        memory::check(&format!("{} images", entries.len()), bytes).map_err(ImagesError::Damaged)?;
    }
    let done = Mutex::new(0);
    let read = |entry: &Entry| {
        let found = read_one(entry, options);
        if let Some(watch) = watch {
            let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
            *done += 1;
            watch(*done, entries.len());
        }
        found
    };
    let read: Vec<(String, Result<Read, String>)> = entries.par_iter().map(read).collect();
    let sha256 = of_lines(entries.iter().zip(read.iter().map(|(digest, _)| digest.as_str())));
    let (mut names, mut images, mut damaged) = (Vec::new(), Vec::new(), Vec::new());
    for (entry, (_, found)) in entries.iter().zip(read) {
        match found {
            Ok(found) => {
                names.push(entry.name.clone());
                images.push(found);
            }
            Err(reason) => damaged.push(format!("{}: {reason}", entry.name)),
        }
    }
    let mut notices = Vec::new();
    if !damaged.is_empty() {
        let said = format!(
            "{} of {} images cannot be read: {}",
            damaged.len(),
            entries.len(),
            listed(&damaged, "; ")
        );
        if options.damaged == DamagedImages::Refuse {
            return Err(ImagesError::Damaged(format!(
                "{said}; mend or remove them (in a spec, data.damaged = \"leave_out\" leaves them out)"
            )));
        }
        notices.push(format!("left out: {said}"));
    }
    if images.is_empty() {
        return Err(ImagesError::Empty("there is no image in the folder that can be read".to_string()));
    }
    notices.extend(decisions(&names, &images, options));
    let set = together(names, images)?;
    Ok((set, sha256, notices))
}

/// The digest of names and bytes that [`read`] gives too, without decoding anything; none if a file cannot be read.
pub(super) fn digest(entries: &[Entry]) -> Option<String> {
    let digest = |entry: &Entry| Some(hex(Sha256::new_with_prefix(bytes_of(entry).ok()?)));
    let digests: Vec<String> = entries.par_iter().map(digest).collect::<Option<_>>()?;
    Some(of_lines(entries.iter().zip(digests.iter().map(String::as_str))))
}

/// The SHA-256 of lines `DIGEST  NAME`.
fn of_lines<'a>(files: impl Iterator<Item = (&'a Entry, &'a str)>) -> String {
    let lines = files.map(|(entry, digest)| format!("{digest}  {}\n", entry.name));
    hex(lines.fold(Sha256::new(), |hash, line| hash.chain_update(line)))
}

/// The bytes of a file.
fn bytes_of(entry: &Entry) -> Result<Vec<u8>, String> {
    let about = fs::metadata(&entry.place).map_err(|e| format!("cannot be read: {e}"))?;
    if !about.is_file() {
        return Err("it is no file".to_string());
    }
    if about.len() > MOST_BYTES {
        return Err(format!("the file has {}, but at most {} are read", size(about.len()), size(MOST_BYTES)));
    }
    fs::read(&entry.place).map_err(|e| format!("cannot be read: {e}"))
}

/// The digest of a file, and its image.
fn read_one(entry: &Entry, options: &ImageOptions) -> (String, Result<Read, String>) {
    match bytes_of(entry) {
        Ok(bytes) => {
            let found = decode(&bytes).and_then(|decoded| {
                let shape = decoded.picture.shape;
                refusal((shape.0, shape.1), options).map_or(Ok(()), Err)?;
                // How many channels the set has is known when all are read, unless it is asked for.
                let picture = prepare(shape, &decoded.picture.pixels, options);
                Ok(Read {
                    picture,
                    original: (shape.0, shape.1),
                    animated: decoded.animated,
                    blended: decoded.blended,
                })
            });
            (hex(Sha256::new_with_prefix(&bytes)), found)
        }
        Err(reason) => ("unread".to_string(), Err(reason)),
    }
}

/// What was decided about the images, a sentence for each kind of decision.
fn decisions(names: &[String], images: &[Read], options: &ImageOptions) -> Vec<String> {
    let with = |is: &dyn Fn(&Read) -> bool| -> Vec<String> {
        names.iter().zip(images).filter(|(_, read)| is(read)).map(|(name, _)| name.clone()).collect()
    };
    let all = images.len();
    let mut notices = Vec::new();
    let mut say = |found: Vec<String>, what: &str| {
        if !found.is_empty() {
            notices.push(format!("{} of {all} images {what} ({})", found.len(), listed(&found, ", ")));
        }
    };
    say(with(&|read| read.animated), "are animated; the first frame of each is taken");
    say(with(&|read| read.blended), "have transparent pixels, which are blended onto white");
    if options.size.is_some() && options.crop == Crop::None {
        let stretched = with(&|read| read.original.0 != read.original.1);
        say(stretched, "are not square and are stretched; crop = \"center\" takes the square in the middle");
    }
    let grey = with(&|read| read.picture.shape.2 == 1);
    if grey.len() < all {
        say(grey, "are grey and become colour images with three equal channels; channels = 1 makes all grey");
    }
    let sides = |side: fn(&Read) -> usize| {
        let (low, high) =
            images.iter().map(side).fold((usize::MAX, 0), |(low, high), n| (low.min(n), high.max(n)));
        if low == high { low.to_string() } else { format!("{low} to {high}") }
    };
    let (heights, widths) = (sides(|read| read.original.0), sides(|read| read.original.1));
    if let Some(size) =
        options.size.filter(|size| [&heights, &widths].iter().any(|s| **s != size.to_string()))
    {
        notices.push(format!(
            "the files have heights of {heights} and widths of {widths} pixels and are resized to {size} x {size} ({})",
            options.resize.name()
        ));
    }
    notices
}

/// The images as a set; grey ones get three channels where others have them.
///
/// # Errors
/// If they have different sizes.
fn together(names: Vec<String>, images: Vec<Read>) -> Result<ImageSet, ImagesError> {
    let (height, width, _) = images[0].picture.shape;
    let other =
        images.iter().position(|read| (read.picture.shape.0, read.picture.shape.1) != (height, width));
    if let Some(other) = other {
        let (h, w, _) = images[other].picture.shape;
        return Err(ImagesError::Sizes(format!(
            "the images have different sizes: {} has {height} x {width} pixels (height x width), {} {h} x {w}; in a spec `data.size` gives all one size",
            names[0], names[other]
        )));
    }
    let channels = images.iter().map(|read| read.picture.shape.2).max().unwrap_or(1);
    let mut pixels = Vec::with_capacity(images.len() * height * width * channels);
    for read in images {
        match read.picture.shape.2 == channels {
            true => pixels.extend(read.picture.pixels),
            false => {
                pixels.extend(read.picture.pixels.iter().flat_map(|v| std::iter::repeat_n(*v, channels)))
            }
        }
    }
    ImageSet::new((height, width, channels), pixels, names).map_err(|e| ImagesError::Damaged(e.to_string()))
}

/// The first of a list, and the number of the rest.
fn listed(all: &[String], between: &str) -> String {
    let shown = all.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(between);
    match all.len().saturating_sub(NAMED) {
        0 => shown,
        more => format!("{shown}{between}and {more} more"),
    }
}
