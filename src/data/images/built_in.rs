//! Images that are part of the program.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The names of images that need no file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NamedImages {
    /// 1,797 grey handwritten digits, 8 x 8 pixels (UCI, E. Alpaydin and C. Kaynak, CC BY 4.0).
    Digits,
}

impl NamedImages {
    /// The name used in specs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Digits => "digits",
        }
    }

    /// The bytes of the file that they would have.
    pub(super) fn file(self) -> &'static [u8] {
        match self {
            Self::Digits => include_bytes!("digits/images-idx3-ubyte.gz"),
        }
    }
}
