//! Scaling and tables: inverse of forward, exact numbers, edges.

use gdiff::data::table::{DataTable, TableError, TableOptions, axis_names, decode, write_csv};
use gdiff::numeric::random::Stream;
use gdiff::space::{ScaleKind, Scaling, Transform};
use ndarray::{Array2, Axis, array};
use proptest::prelude::*;

#[test]
fn scalings_reach_their_range_and_moments() {
    let x = Stream::new(3, 0, "x").standard_normal(0, 500, 3) * 7.0 + 100.0;
    let unit = Scaling::fit(ScaleKind::MinMax, x.view()).unwrap().forward(x.view());
    for column in unit.axis_iter(Axis(1)) {
        let low = column.iter().copied().fold(f64::INFINITY, f64::min);
        let high = column.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        assert!((low + 1.0).abs() < 1e-12 && (high - 1.0).abs() < 1e-12);
    }
    let standard = Scaling::fit(ScaleKind::Standardize, x.view()).unwrap().forward(x.view());
    for column in standard.axis_iter(Axis(1)) {
        assert!(column.mean().unwrap().abs() < 1e-12);
        assert!((column.iter().map(|v| v * v).sum::<f64>() / 500.0 - 1.0).abs() < 1e-12);
    }
    assert_eq!(Scaling::fit(ScaleKind::None, x.view()).unwrap().forward(x.view()), x);
}

#[test]
fn a_constant_column_cannot_be_scaled_and_is_named() {
    let x = array![[1.0, 5.0], [2.0, 5.0]];
    for kind in [ScaleKind::MinMax, ScaleKind::Standardize] {
        let error = Scaling::fit(kind, x.view()).unwrap_err();
        assert_eq!((error.column, error.value), (1, 5.0));
    }
    assert!(Scaling::fit(ScaleKind::None, x.view()).is_ok());
}

fn read_table(text: &str) -> Result<DataTable, TableError> {
    decode(text.as_bytes(), &TableOptions::default())
}

#[test]
fn a_header_is_optional_and_comments_are_skipped() {
    let expected = array![[1.0, 2.0], [3.0, 4.5]];
    for text in ["x0,x1\n1,2\n3,4.5\n", "1,2\n3,4.5\n", "a, b\n# note\n1, 2\n3, 4.5"] {
        assert_eq!(read_table(text).unwrap().points, expected);
    }
}

#[test]
fn damaged_tables_say_where() {
    let error = read_table("x0,x1\n1,2\n3,four\n").unwrap_err();
    assert!(matches!(error, TableError::NotANumber { line: 3, column: 2, .. }), "{error}");
    let error = read_table("x0,x1\n1,inf\n").unwrap_err();
    assert!(matches!(error, TableError::NotFinite { line: 2, column: 2, .. }), "{error}");
    assert!(matches!(read_table("").unwrap_err(), TableError::Empty));
    assert!(matches!(read_table("x0,x1\n").unwrap_err(), TableError::Empty));
    assert!(matches!(
        read_table("1,2\n3\n").unwrap_err(),
        TableError::Ragged { line: 2, cells: 1, above: 1, expected: 2 }
    ));
}

proptest! {
    #[test]
    fn tables_read_back_to_the_same_bits(values in proptest::collection::vec(
        any::<f64>().prop_filter("finite", |v| v.is_finite()), 1..60), width in 1_usize..5) {
        let rows = values.len() / width;
        prop_assume!(rows > 0);
        let x = Array2::from_shape_vec((rows, width), values[..rows * width].to_vec()).unwrap();
        let mut text = Vec::new();
        write_csv(&mut text, &axis_names(width), &x).unwrap();
        let back = read_table(std::str::from_utf8(&text).unwrap()).unwrap().points;
        let bits = |a: &Array2<f64>| a.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        prop_assert_eq!(bits(&x), bits(&back));
    }

    #[test]
    fn unscaling_undoes_scaling(seed in any::<u64>(), spread in 1e-6_f64..1e6, shift in -1e6_f64..1e6) {
        let x = Stream::new(seed, 0, "x").standard_normal(0, 40, 2) * spread + shift;
        for kind in [ScaleKind::None, ScaleKind::MinMax, ScaleKind::Standardize] {
            let scaling = Scaling::fit(kind, x.view()).unwrap();
            let back = scaling.inverse(scaling.forward(x.view()).view());
            let room = 1e-14 * (spread + shift.abs()) * 8.0;
            prop_assert!(x.iter().zip(&back).all(|(a, b)| (a - b).abs() <= room));
        }
    }
}
