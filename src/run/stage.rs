//! The stages of a run.

/// The stages of a run, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// Drawing data and preparing the reference points.
    Data,
    /// Fitting the space, counted in layers of the Gaussianizer.
    Gaussianize,
    /// Training, counted in iterations.
    Train,
    /// Sampling and scoring, counted in reverse steps.
    Sample,
    /// Diagnostics, counted in their tables.
    Diagnose,
}

impl Stage {
    /// All of them, in order.
    pub const ALL: [Self; 5] = [Self::Data, Self::Gaussianize, Self::Train, Self::Sample, Self::Diagnose];

    /// The name used in messages and files.
    pub fn name(self) -> &'static str {
        match self {
            Self::Data => "data",
            Self::Gaussianize => "gaussianize",
            Self::Train => "train",
            Self::Sample => "sample",
            Self::Diagnose => "diagnose",
        }
    }
}
