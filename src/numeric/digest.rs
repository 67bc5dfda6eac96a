//! SHA-256 as text.

use sha2::{Digest, Sha256};

/// The hash of what has been put in, in hexadecimal.
pub fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect()
}
