//! The checks of images: where they are, what they hold, how they are dealt.

use super::check_rows::{
    Dealt, FEWEST_ROWS, fit_counts, identify, locate, made_absolute, test_fraction, tie_advice,
};
use super::error::{Place, SpecError};
use super::file::SpecFile;
use super::ranges::Checker;
use super::reuse::{ImageOrigin, Reuse};
use crate::data::source::Images;
use std::path::PathBuf;
use std::sync::Arc;

/// Images that are dealt, and what was found in their file.
pub struct DealtImages {
    /// The images.
    pub images: Images,
    /// Images less distinct values of the pixel in which they tie most.
    pub ties: usize,
}

/// Reads images and deals them; counts that they cannot fill are lowered, with a warning.
pub fn images(
    check: &Checker,
    file: &mut SpecFile,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<DealtImages, SpecError> {
    let (key, path, origin) = match (file.data.name, file.data.path.clone()) {
        (Some(name), None) => ("data.name", name.name().to_string(), ImageOrigin::Named(name)),
        (None, Some(path)) => {
            let place =
                locate(check, reuse.folder(), ("data.path", &path, file.data.sha256.is_some()), warnings);
            ("data.path", path, ImageOrigin::Path(place))
        }
        (Some(_), Some(_)) => {
            let message = "`data.name` chooses images of the program, and `data.path` those of a file; give one of them";
            return Err(check.0.error("data.name", message.to_string()));
        }
        (None, None) => {
            let message =
                "data.kind = \"images\" needs `path`, a file or folder of images, or `name = \"digits\"`";
            return Err(check.0.error("data", message.to_string()));
        }
    };
    let options = file.data.image_options();
    check.section("data", options.check())?;
    let cache = file.data.cache.as_ref().map(|cache| {
        let in_current_folder = matches!(check.0.place("data.cache"), Place::Argument(_));
        if in_current_folder { PathBuf::from(cache) } else { reuse.folder().join(cache) }
    });
    let found = reuse.images(&origin, &options, cache.as_deref()).map_err(|e| match &origin {
        ImageOrigin::Path(place) => check.0.error(key, format!("{}: {e}", place.display())),
        ImageOrigin::Named(_) => check.0.error(key, format!("{path}: {e}")),
    })?;
    // What is left out is the same experiment as its default.
    file.data.resize = options.size.map(|_| options.resize).or(file.data.resize);
    (file.data.crop, file.data.damaged) = (Some(options.crop), Some(options.damaged));
    warnings.extend(found.notices.iter().map(|notice| format!("{path}: {notice}")));
    let n = found.set.len();
    check.require(n >= FEWEST_ROWS, key, || {
        format!("{path} has {n} images, but at least {FEWEST_ROWS} are needed")
    })?;
    if let ImageOrigin::Path(place) = &origin {
        file.data.path = made_absolute(place).or(file.data.path.take());
    }
    file.data.cache = cache.and_then(|cache| made_absolute(&cache)).or(file.data.cache.take());
    identify(check, ("data.sha256", &mut file.data.sha256), &path, &found.sha256)?;
    let fraction = test_fraction(check, file)?;
    let flip = *file.data.flip.get_or_insert(false);
    let asked = (file.metrics.reference, file.sample.count);
    let images = Images::new(Arc::clone(&found.set), fraction, asked, flip);
    let dealt = Dealt { path: &path, n, rows: "images", count: &|part| images.count(part) };
    fit_counts(check, file, &dealt, warnings)?;
    tie_advice(file, &path, n, &found.copies, warnings);
    Ok(DealtImages { images, ties: found.ties })
}
