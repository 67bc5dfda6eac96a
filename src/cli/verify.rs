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
    if verified.damaged.is_empty() {
        return Ok(());
    }
    Err(Failure::running(format!(
        "{} files are not what was written; `gdiff run` with the same spec computes them again\n  {}",
        verified.damaged.len(),
        verified.damaged.join("\n  ")
    )))
}
