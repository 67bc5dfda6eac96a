//! What each backend counts.

/// The counts that PRDC is made of.
pub(super) struct PrdcCounts {
    /// For each generated point, the number of real spheres that hold it.
    pub holding: Vec<u32>,
    /// Real points within a generated sphere.
    pub recalled: usize,
    /// Real points whose sphere holds a generated point.
    pub covered: usize,
}
