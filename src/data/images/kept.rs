//! Pictures of a folder in a compact file, decoded and resized: an array of bytes that NumPy reads too, and a JSON file that
//! says of which files it is.

use super::ImageSet;
use super::npy::npy;
use super::options::ImageOptions;
use crate::numeric::digest::hex;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// Raised when the same files are decoded or resized to other bytes.
const VERSION: u32 = 1;

/// Everything on which the bytes depend.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    /// Digest of the folder: see [`super::FoundImages::sha256`].
    sha256: String,
    /// The options by the names of their keys.
    options: String,
    version: u32,
}

impl Key {
    pub fn new(sha256: &str, options: &ImageOptions) -> Self {
        Self { sha256: sha256.to_string(), options: options.in_words(), version: VERSION }
    }
}

/// What the JSON file holds.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    #[serde(flatten)]
    key: Key,
    /// Digest of everything but the key: see [`digest`].
    digest: String,
    names: Vec<String>,
    notices: Vec<String>,
}

/// Where images are to be kept, and what is to be said of them there.
#[derive(Debug, Clone)]
pub struct KeptImages {
    /// The array of bytes, `(n, height, width, channels)`.
    pub array: PathBuf,
    /// The JSON file beside it. It is written last, and replaces what is there.
    pub about: PathBuf,
    key: Key,
    /// What was decided about the images, a sentence each.
    decided: Vec<String>,
}

/// SHA-256 of the images' own digest, their names, and what was decided about them.
fn digest(set: &ImageSet, decided: &[String]) -> String {
    let text = serde_json::to_vec(&(set.sha256(), &set.names, decided)).expect("names are text");
    hex(Sha256::new_with_prefix(text))
}

impl KeptImages {
    pub(super) fn of(folder: &Path, key: Key) -> Self {
        let digest = hex(Sha256::new_with_prefix(format!("{} {} {}", key.sha256, key.options, key.version)));
        let file = |extension: &str| folder.join(format!("images-{}.{extension}", &digest[..16]));
        Self { array: file("npy"), about: file("json"), key, decided: Vec::new() }
    }

    /// With what was decided about the images.
    pub(super) fn with(self, decided: Vec<String>) -> Self {
        Self { decided, ..self }
    }

    /// Whether it is the place of the images of a folder with this digest, prepared as the options ask.
    pub(super) fn is_of(&self, sha256: &str, options: &ImageOptions) -> bool {
        self.key == Key::new(sha256, options)
    }

    /// The images that are kept there, and what was decided about them; none if there are none of this key.
    ///
    /// # Errors
    /// If the files are damaged, in a sentence: the pictures are to be decoded again.
    pub(super) fn read(&self) -> Result<Option<(ImageSet, Vec<String>)>, String> {
        let there = |path: &Path| match fs::read(path) {
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            read => read.map(Some).map_err(|e| format!("{}: {e}", path.display())),
        };
        let (Some(about), Some(array)) = (there(&self.about)?, there(&self.array)?) else { return Ok(None) };
        let damaged = |path: &Path| format!("{} is damaged", path.display());
        let about: About = serde_json::from_slice(&about).map_err(|_| damaged(&self.about))?;
        let mut set = npy(&array).map_err(|_| damaged(&self.array))?;
        if about.key != self.key || about.names.len() != set.len() {
            return Err(damaged(&self.about));
        }
        set.names = about.names;
        if digest(&set, &about.notices) != about.digest {
            return Err(damaged(&self.array));
        }
        Ok(Some((set, about.notices)))
    }

    /// The text of the JSON file beside the array of these images, which [`ImageSet::write_npy`] writes.
    pub fn about(&self, set: &ImageSet) -> String {
        let about = About {
            key: self.key.clone(),
            digest: digest(set, &self.decided),
            names: set.names.clone(),
            notices: self.decided.clone(),
        };
        serde_json::to_string(&about).expect("names are text")
    }
}
