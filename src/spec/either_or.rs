//! Keys that exclude each other.

/// Keys of one section of which only one can be given; setting one from the command line takes the others back.
pub const EITHER_OR: &[&[&str]] =
    &[&["network.hidden", "network.width"], &["train.epochs", "train.iterations"]];
