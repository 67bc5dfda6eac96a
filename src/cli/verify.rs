//! `gdiff verify`

use super::{Failure, FolderArgs, print};
use crate::study::verify;

pub(super) fn verify_folder(args: &FolderArgs) -> Result<(), Failure> {
    let verified = verify(&args.folder)?;
    let mut text = format!("{} files are what was written\n", verified.sound);
    if verified.without_digests > 0 {
        text += &format!(
            "{} runs of version 0.1 have no digests; `gdiff run` with their spec adds them\n",
            verified.without_digests
        );
    }
    print(&text)?;
    let mut sentences = Vec::new();
    let (damaged, figures) = (&verified.damaged, &verified.figures);
    if !damaged.is_empty() {
        sentences.push(format!(
            "{} files are not what was written; `gdiff run` (or `gdiff sweep plan`, `exec` and `collect`) with the same spec makes them again\n  {}",
            damaged.len(),
            damaged.join("\n  ")
        ));
    }
    if !verified.unchecked.is_empty() {
        sentences.push(format!(
            "whether the spec is that of the runs cannot be checked here\n  {}",
            verified.unchecked.join("\n  ")
        ));
    }
    if !figures.is_empty() {
        sentences.push(format!(
            "{} figures are not what was drawn; `gdiff plot --force {}` draws them again\n  {}",
            figures.len(),
            args.folder.display(),
            figures.join("\n  ")
        ));
    }
    if sentences.is_empty() { Ok(()) } else { Err(Failure::running(sentences.join("\n"))) }
}
