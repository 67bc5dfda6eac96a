//! Files that appear whole or not at all: written aside in the same folder, synced, then renamed. What is no regular
//! file (a device, a pipe) is written through, a link leads to the file that it names, and a file that is replaced
//! keeps its permissions. What counts only once another file, written after it, holds its digest need not be waited for
//! ([`Unfinished::place`]).

use super::error::StoreError;
use super::leftovers;
use super::names::UNFINISHED;
use super::wait_point::{Point, wait_at};
use crate::numeric::digest::hex;
use sha2::{Digest, Sha256};
use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf, absolute};
use tempfile::NamedTempFile;

/// A file that is being written: it appears under its name when it is finished, and not at all if it is dropped
/// before.
#[derive(Debug)]
pub struct Unfinished {
    path: PathBuf,
    file: BufWriter<Hashing>,
}

/// Where the bytes go, and the digest of what was written.
#[derive(Debug)]
struct Hashing {
    target: Target,
    hash: Sha256,
}

#[derive(Debug)]
enum Target {
    /// A file beside its place.
    Aside(NamedTempFile),
    /// Something that is no regular file, and cannot be replaced as a whole.
    Through(File),
}

impl Write for Hashing {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = match &mut self.target {
            Target::Aside(file) => file.write(bytes)?,
            Target::Through(file) => file.write(bytes)?,
        };
        self.hash.update(&bytes[..written]);
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.target {
            Target::Aside(file) => file.flush(),
            Target::Through(file) => file.flush(),
        }
    }
}

impl Unfinished {
    /// Begins a file beside its place.
    ///
    /// # Errors
    /// If the folder is not writable.
    pub fn begin(path: &Path) -> Result<Self, StoreError> {
        let failed = |e| unwritable(path, e);
        // What a link leads to is replaced, not the link.
        let own = fs::symlink_metadata(path).ok();
        let (place, there) = match own {
            Some(own) if own.file_type().is_symlink() => {
                let target = link_target(path).map_err(failed)?;
                let there = fs::metadata(&target).ok();
                (target, there)
            }
            own => (path.to_path_buf(), own),
        };
        if there.as_ref().is_some_and(|m| !m.is_file() && !m.is_dir()) {
            let file = File::options().write(true).open(&place).map_err(failed)?;
            let through = Hashing { target: Target::Through(file), hash: Sha256::new() };
            return Ok(Self { path: place, file: BufWriter::new(through) });
        }
        let folder = match place.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let mut builder = tempfile::Builder::new();
        builder.prefix(UNFINISHED.0).suffix(UNFINISHED.1);
        #[cfg(unix)]
        builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
        let file = loop {
            let file = builder.tempfile_in(folder).map_err(failed)?;
            if leftovers::hold(file.as_file(), file.path()) {
                break file;
            }
        };
        if let Some(there) = there.filter(fs::Metadata::is_file) {
            file.as_file().set_permissions(there.permissions()).map_err(failed)?;
        }
        let aside = Hashing { target: Target::Aside(file), hash: Sha256::new() };
        Ok(Self { path: place, file: BufWriter::new(aside) })
    }

    /// Puts the whole file in its place once the disk has it, and returns the SHA-256 of what it holds, in hexadecimal.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be renamed.
    pub fn finish(self) -> Result<String, StoreError> {
        self.put(true)
    }

    /// As [`finish`](Self::finish), without waiting for the disk: where the power fails soon after, the file may be there
    /// and empty, which its digest shows.
    ///
    /// # Errors
    /// If the disk is full or the file cannot be renamed.
    pub fn place(self) -> Result<String, StoreError> {
        self.put(false)
    }

    fn put(self, wait: bool) -> Result<String, StoreError> {
        let Self { path, file } = self;
        let place = || -> io::Result<String> {
            let Hashing { target, hash } = file.into_inner().map_err(io::IntoInnerError::into_error)?;
            let Target::Aside(file) = target else { return Ok(hex(hash)) };
            if wait {
                file.as_file().sync_all()?;
            }
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            wait_at(Point::Write(&name), path.display(), || false);
            let file = file.persist(&path).map_err(|e| e.error)?;
            if !wait {
                close(file)?;
            }
            Ok(hex(hash))
        };
        place().map_err(|e| unwritable(&path, e))
    }
}

/// Closes a file; a file system of a network says only now that it has no room.
#[cfg(unix)]
fn close(file: File) -> io::Result<()> {
    Ok(nix::unistd::close(file)?)
}

/// Closes a file.
#[cfg(not(unix))]
fn close(file: File) -> io::Result<()> {
    drop(file);
    Ok(())
}

impl Write for Unfinished {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

/// Writes a file through `fill`, and returns the SHA-256 of what it holds, in hexadecimal. On any failure nothing
/// appears under its name.
///
/// # Errors
/// If the folder is not writable, the disk is full, or `fill` fails.
pub fn write(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, StoreError> {
    filled(path, fill)?.finish()
}

/// As [`write()`], without waiting for the disk: see [`Unfinished::place`].
///
/// # Errors
/// As [`write()`].
pub fn place(path: &Path, fill: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> Result<String, StoreError> {
    filled(path, fill)?.place()
}

fn filled(
    path: &Path,
    fill: impl FnOnce(&mut dyn Write) -> io::Result<()>,
) -> Result<Unfinished, StoreError> {
    let mut unfinished = Unfinished::begin(path)?;
    fill(&mut unfinished).map_err(|e| unwritable(path, e))?;
    Ok(unfinished)
}

/// The file that a link leads to, whether it is there or not yet.
fn link_target(link: &Path) -> io::Result<PathBuf> {
    match fs::canonicalize(link) {
        Err(e) if e.kind() == io::ErrorKind::NotFound => {
            let target = fs::read_link(link)?;
            Ok(link.parent().map_or_else(|| target.clone(), |folder| folder.join(&target)))
        }
        found => found,
    }
}

/// Whether two paths lead to the same file, which may not be there yet.
pub fn is_same_file(a: &Path, b: &Path) -> bool {
    match (fs::canonicalize(a), fs::canonicalize(b)) {
        (Ok(a), Ok(b)) => a == b,
        (Err(_), Err(_)) => matches!((absolute(a), absolute(b)), (Ok(a), Ok(b)) if a == b),
        _ => false,
    }
}

/// The error of a file that cannot be written.
pub fn unwritable(path: &Path, source: io::Error) -> StoreError {
    StoreError::Write { path: path.to_path_buf(), source }
}

/// Makes a folder and those above it; true only where the folder was not there.
///
/// # Errors
/// If one of them cannot be made.
pub fn make_new_folder(path: &Path) -> Result<bool, StoreError> {
    match fs::create_dir(path) {
        Ok(()) => Ok(true),
        Err(_) => make_folder(path).map(|()| false),
    }
}

/// Makes a folder and those above it.
///
/// # Errors
/// If one of them cannot be made.
pub fn make_folder(path: &Path) -> Result<(), StoreError> {
    fs::create_dir_all(path).map_err(|e| match path.ancestors().find(|above| above.is_file()) {
        Some(file) => StoreError::NotAFolder(file.to_path_buf()),
        None => unwritable(path, e),
    })
}

/// Removes a file or folder if it is there.
///
/// # Errors
/// If it is there and cannot be removed.
pub fn remove(path: &Path) -> Result<(), StoreError> {
    let removed = match fs::remove_file(path) {
        // Most often there is nothing.
        Err(e) if e.kind() != io::ErrorKind::NotFound && path.is_dir() => fs::remove_dir_all(path),
        removed => removed,
    };
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(unwritable(path, source)),
        _ => Ok(()),
    }
}

/// The bytes of a file that a study wrote. A device or a pipe under its name, which could be read without an end, is none.
///
/// # Errors
/// If it cannot be read or is no file.
pub fn read(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::other("it is no file"));
    }
    fs::read(path)
}

/// The SHA-256 of bytes, in hexadecimal, as `write` returns it of a file.
pub fn digest(bytes: &[u8]) -> String {
    hex(Sha256::new_with_prefix(bytes))
}
