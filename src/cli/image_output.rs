//! Points as images in files: what `--as-images` writes.

use super::written::AS_IMAGES;
use super::{Failure, refuse_input_of_spec, write_file};
use crate::data::images::{ImageSet, ImageShape, images_of};
use crate::spec::Plan;
use clap::Args;
use ndarray::ArrayView2;
use std::fs;
use std::path::{Path, PathBuf};

/// Where points go as images.
#[derive(Debug, Args)]
pub struct ImageOutput {
    /// Write images instead of points, values rounded and cut to bytes: uint8 with axes (n, height, width) or (n, height,
    /// width, 3) if the name ends in .npy, else a new folder of PNG files; gdiff metrics takes both
    #[arg(long, value_name = "FOLDER|FILE.npy", conflicts_with = "out")]
    pub as_images: Option<PathBuf>,
}

/// A place for images that can be written to, and their size.
pub(super) struct ImagePlace {
    path: PathBuf,
    shape: ImageShape,
}

impl ImageOutput {
    /// The place that was asked for, if one was, for points of this plan's data.
    pub(super) fn place(&self, plan: &Plan) -> Result<Option<ImagePlace>, Failure> {
        let Some(path) = self.as_images.clone() else { return Ok(None) };
        let wrong = |reason: &str| Failure::input(format!("--as-images {}: {reason}", path.display()));
        let Some(shape) = plan.data.source.image_shape() else {
            return Err(wrong("the data are no images; give --out FILE for a table of points"));
        };
        refuse_input_of_spec(AS_IMAGES, &path, &plan.inputs())?;
        let is_file = fs::symlink_metadata(&path).is_ok_and(|there| !there.is_dir());
        match is_array(&path) {
            true if path.is_dir() => Err(wrong("a folder has that name; choose another for an array")),
            false if is_file => {
                Err(wrong("a file has that name; choose another for a folder, or one that ends in .npy"))
            }
            false if fs::read_dir(&path).is_ok_and(|mut entries| entries.next().is_some()) => {
                Err(wrong("the folder is not empty, and images of two sets would be mixed; choose another"))
            }
            _ => Ok(Some(ImagePlace { path, shape })),
        }
    }
}

fn is_array(path: &Path) -> bool {
    path.extension().is_some_and(|end| end.eq_ignore_ascii_case("npy"))
}

impl ImagePlace {
    /// Writes points `(n, d)` as images, all of them or none.
    pub(super) fn give(&self, points: ArrayView2<f64>) -> Result<(), Failure> {
        let images = images_of(points, self.shape);
        if is_array(&self.path) {
            return write_file(&self.path, |out| images.write_npy(out).map_err(std::io::Error::other));
        }
        self.folder(&images)
    }

    /// Writes the files into a folder beside its place, which gets its name when it is whole.
    fn folder(&self, images: &ImageSet) -> Result<(), Failure> {
        let failed = |e: &dyn std::fmt::Display| Failure::running(format!("{}: {e}", self.path.display()));
        let mut aside = self.path.clone().into_os_string();
        aside.push(format!(".unfinished-{}", std::process::id()));
        let aside = PathBuf::from(aside);
        let digits = images.len().saturating_sub(1).to_string().len();
        let written = || -> Result<(), Failure> {
            fs::create_dir_all(&aside).map_err(|e| failed(&e))?;
            for i in 0..images.len() {
                let png = images.png(i).map_err(|e| failed(&e))?;
                fs::write(aside.join(format!("{i:0digits$}.png")), png).map_err(|e| failed(&e))?;
            }
            fs::rename(&aside, &self.path).map_err(|e| failed(&e))
        };
        let result = written();
        if result.is_err() {
            // Whatever is left of it; the error says what went wrong.
            let _ = fs::remove_dir_all(&aside);
        }
        result
    }
}
