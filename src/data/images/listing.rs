//! The files of a folder and of the folders in it, in an order that is the same everywhere.

use std::collections::{BTreeMap, HashSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

/// A file of a folder.
pub(super) struct Entry {
    /// Where it is.
    pub place: PathBuf,
    /// Its path from the folder on, with `/` between the parts.
    pub name: String,
}

impl Entry {
    /// What stands behind the last point of its name, in small letters.
    fn extension(&self) -> String {
        self.place.extension().unwrap_or_default().to_string_lossy().to_lowercase()
    }

    fn file_name(&self) -> &str {
        self.name.rsplit('/').next().unwrap_or_default()
    }

    /// Whether its name says that it is an image.
    fn is_picture(&self) -> bool {
        ["png", "jpg", "jpeg", "webp"].contains(&self.extension().as_str())
    }

    /// Whether it is a file of CIFAR's training images.
    fn is_batch(&self) -> bool {
        self.extension() == "bin"
            && (self.file_name().starts_with("data_batch_") || self.file_name() == "train.bin")
    }

    /// Whether it is one of CIFAR's test images.
    fn is_test_batch(&self) -> bool {
        ["test_batch.bin", "test.bin"].contains(&self.file_name())
    }

    /// Whether it is a file of images in the format of MNIST.
    fn is_idx(&self) -> bool {
        let name = self.file_name();
        name.contains("idx3-ubyte") || name.contains("idx4-ubyte")
    }
}

/// What a folder holds.
#[derive(Default)]
pub(super) struct Listing {
    /// Files of one image each.
    pub pictures: Vec<Entry>,
    /// CIFAR's files of training images.
    pub batches: Vec<Entry>,
    /// Files in the format of MNIST.
    pub idx: Vec<Entry>,
    /// What is left alone and may be meant, one sentence each.
    pub notices: Vec<String>,
}

/// Everything in a folder but hidden files and folders, sorted by the bytes of the paths.
///
/// # Errors
/// If a folder cannot be read.
pub(super) fn list(folder: &Path) -> io::Result<Listing> {
    let mut all = Vec::new();
    walk(folder, "", &mut HashSet::new(), &mut all)?;
    all.sort_by(|a, b| a.name.cmp(&b.name));
    let (mut listing, mut others) = (Listing::default(), BTreeMap::<String, usize>::new());
    for entry in all {
        if entry.is_picture() {
            listing.pictures.push(entry);
        } else if entry.is_batch() {
            listing.batches.push(entry);
        } else if entry.is_idx() {
            listing.idx.push(entry);
        } else if entry.is_test_batch() {
            listing.notices.push(format!(
                "{} holds CIFAR's test images and is left alone; given as the path it is read by itself",
                entry.name
            ));
        } else {
            *others.entry(entry.extension()).or_default() += 1;
        }
    }
    if !others.is_empty() {
        let kind = |(extension, count): (&String, &usize)| match extension.as_str() {
            "" => format!("{count} without an extension"),
            extension => format!("{count} .{extension}"),
        };
        let kinds: Vec<String> = others.iter().map(kind).collect();
        listing.notices.push(format!("other files are left alone: {}", kinds.join(", ")));
    }
    Ok(listing)
}

/// Adds the files of a folder. A folder that links lead to again is read once.
fn walk(folder: &Path, prefix: &str, seen: &mut HashSet<PathBuf>, all: &mut Vec<Entry>) -> io::Result<()> {
    let named = |e: io::Error| io::Error::new(e.kind(), format!("{}: {e}", folder.display()));
    if !seen.insert(folder.canonicalize().map_err(named)?) {
        return Ok(());
    }
    // In the order of names, so that of several links to a folder the same one is followed.
    let mut entries = fs::read_dir(folder).map_err(named)?.collect::<Result<Vec<_>, _>>().map_err(named)?;
    entries.sort_by_key(fs::DirEntry::file_name);
    for entry in entries {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with('.') {
            continue;
        }
        let (place, name) = (entry.path(), format!("{prefix}{name}"));
        // A link that leads nowhere is a file that cannot be read, which its reader says.
        if fs::metadata(&place).is_ok_and(|about| about.is_dir()) {
            walk(&place, &format!("{name}/"), seen, all)?;
        } else {
            all.push(Entry { place, name });
        }
    }
    Ok(())
}
