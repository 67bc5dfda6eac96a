//! What a reader of precision, recall, density and coverage should know about the points that were compared.

/// Real and generated points whose numbers differ by more than this factor are not compared on a par.
const UNEVEN: usize = 4;

/// A sentence if there are many points of one kind against few of the other.
pub fn uneven_counts(real: usize, generated: usize) -> Option<String> {
    let uneven = generated > UNEVEN.saturating_mul(real) || real > UNEVEN.saturating_mul(generated);
    uneven.then(|| {
        format!(
            "precision, recall, density and coverage compare {generated} generated points with {real} real ones; coverage and recall depend on both numbers, so compare about as many, and only values of the same numbers with each other"
        )
    })
}

/// A sentence if k-NN radii are 0, because points coincide; `whose` are the points ("real").
pub fn zero_radii(radii: &[f64], whose: &str) -> Option<String> {
    let zeros = radii.iter().filter(|radius| **radius == 0.0).count();
    (zeros > 0).then(|| {
        format!(
            "{zeros} of the {} k-NN radii of the {whose} points are 0, because so many points coincide; a sphere of radius 0 holds nothing, so precision, density and coverage are low whatever the generated points are: take a larger k, or points without ties",
            radii.len()
        )
    })
}
