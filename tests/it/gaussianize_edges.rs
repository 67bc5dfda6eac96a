//! Small, strange and broken data: an answer that comes back, or a sentence that says what to do.

use crate::common::clouds::{RULES, fit, modes, stream, worst};
use gdiff::gaussianize::{BandwidthRule, GaussianizeError, GaussianizeOptions, Tails};
use ndarray::{Array2, array};

#[test]
fn small_and_strange_data_give_an_answer_or_a_sentence() {
    let error = |x: Array2<f64>| fit(&x, &Default::default()).unwrap_err();
    assert!(matches!(error(array![[1.0]]), GaussianizeError::TooFew { rows: 1, columns: 1, needed: 2 }));
    assert!(matches!(error(array![[1.0, 2.0], [2.0, 1.0]]), GaussianizeError::TooFew { .. }));
    assert!(matches!(error(Array2::zeros((9, 0))), GaussianizeError::NoColumns));
    let mut x = modes(50, 3);
    x.column_mut(1).fill(4.5);
    assert!(
        matches!(error(x.clone()), GaussianizeError::ConstantColumn { column: 1, value } if value == 4.5)
    );
    let sum = &x.column(0) * 2.0 - x.column(2);
    x.column_mut(1).assign(&sum);
    assert!(matches!(error(x.clone()), GaussianizeError::RankDeficient { columns: 3, .. }));
    x[[17, 2]] = f64::NAN;
    assert!(matches!(error(x), GaussianizeError::NotFinite { row: 17, column: 2, .. }));
    let options = GaussianizeOptions { bandwidth: BandwidthRule::Fixed(-1.0), ..Default::default() };
    assert!(matches!(
        fit(&modes(50, 2), &options),
        Err(GaussianizeError::Option(refused)) if refused.key == "bandwidth"
    ));

    let two = array![[1.0], [3.0]];
    let few = array![[0.0, 1.0], [2.0, 0.5], [1.0, 4.0]];
    let duplicates = Array2::from_shape_fn((200, 2), |(i, j)| ((i * (j + 2)) % 5) as f64);
    let cauchy = stream().standard_normal(5, 4000, 2) / stream().standard_normal(6, 4000, 2);
    for (name, x) in [("two", two), ("few", few), ("duplicates", duplicates), ("cauchy", cauchy)] {
        for bandwidth in RULES {
            for tails in [Tails::Gentle, Tails::Kernel] {
                // Held-out points may lie in flat gaps, from which the plain estimate has no way back.
                let held_out = if tails == Tails::Gentle { 0.1 } else { 0.0 };
                let options =
                    GaussianizeOptions { bandwidth, tails, held_out, layers: 3, ..Default::default() };
                let (map, _) = fit(&x, &options).unwrap();
                let (z, log_det) = map.forward_with_log_det(x.view());
                assert!(z.iter().chain(&log_det).all(|v| v.is_finite()), "{name} {bandwidth:?}");
                let scale = x.iter().fold(1.0, |m: f64, v| m.max(v.abs()));
                let error = worst(&map.inverse(z.view()), &x);
                assert!(error < 1e-8 * scale, "{name} {bandwidth:?} {tails:?}: {error:e}");
            }
        }
    }
}
