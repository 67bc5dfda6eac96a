//! The checks of `[data]`.

use super::check_images::images;
use super::check_table::table;
use super::choice::DataKind;
use super::error::SpecError;
use super::file::SpecFile;
use super::plan::DataPlan;
use super::ranges::Checker;
use super::reuse::Reuse;
use super::sections::{ComponentFile, DataFile, EIGHT_GAUSSIANS_STD};
use crate::data::mixture::GaussianMixture;
use crate::data::shapes::{Shape, ShapeSource};
use crate::data::source::{Source, eight_gaussians};
use ndarray::{Array1, Array2};

/// Checks `[data]` and opens a table or images; numbers that follow from it are filled in.
pub fn data(
    check: &Checker,
    file: &mut SpecFile,
    reuse: &mut Reuse,
    warnings: &mut Vec<String>,
) -> Result<DataPlan, SpecError> {
    check.count("data.samples", file.data.samples)?;
    used_keys(check, &file.data)?;
    let (mut found_header_of_numbers, mut ties) = (false, 0);
    let source = match file.data.kind {
        DataKind::Gmm => Source::Mixture(mixture(check, &file.data.components)?),
        DataKind::EightGaussians => {
            let std = *file.data.noise.get_or_insert(EIGHT_GAUSSIANS_STD);
            check.positive("data.noise", std)?;
            Source::Mixture(eight_gaussians(std).map_err(|e| check.0.error("data.noise", e.to_string()))?)
        }
        DataKind::Shape(shape) => Source::Shape(shape_source(check, shape, &mut file.data)?),
        DataKind::Table => {
            let found = table(check, file, reuse, warnings)?;
            (found_header_of_numbers, ties) = (found.found_header_of_numbers, found.ties);
            Source::Table(found.table)
        }
        DataKind::Images => {
            let found = images(check, file, reuse, warnings)?;
            ties = found.ties;
            Source::Images(found.images)
        }
    };
    let data = &file.data;
    Ok(DataPlan {
        source,
        samples: data.samples,
        scale: data.scale,
        reference_scale: data.reference_scale,
        found_header_of_numbers,
        ties,
    })
}

/// Refuses keys of `[data]` that its kind does not know.
fn used_keys(check: &Checker, data: &DataFile) -> Result<(), SpecError> {
    let kind = data.kind;
    let (noise, extra) = match kind {
        DataKind::Shape(shape) => (shape.usual_noise().is_some(), shape.usual_extra().is_some()),
        kind => (kind == DataKind::EightGaussians, false),
    };
    let is_finite = matches!(kind, DataKind::Table | DataKind::Images);
    for (key, given, known) in [
        ("noise", data.noise.is_some(), noise),
        ("extra", data.extra.is_some(), extra),
        ("path", data.path.is_some(), is_finite),
        ("name", data.name.is_some(), kind == DataKind::Images),
        ("sha256", data.sha256.is_some(), is_finite),
        ("header", data.header.is_some(), kind == DataKind::Table),
        ("delimiter", data.delimiter.is_some(), kind == DataKind::Table),
        ("columns", data.columns.is_some(), kind == DataKind::Table),
        ("missing", data.missing.is_some(), kind == DataKind::Table),
        ("size", data.size.is_some(), kind == DataKind::Images),
        ("resize", data.resize.is_some(), kind == DataKind::Images),
        ("crop", data.crop.is_some(), kind == DataKind::Images),
        ("channels", data.channels.is_some(), kind == DataKind::Images),
        ("damaged", data.damaged.is_some(), kind == DataKind::Images),
        ("cache", data.cache.is_some(), kind == DataKind::Images),
        ("flip", data.flip.is_some(), kind == DataKind::Images),
        ("test_fraction", data.test_fraction.is_some(), is_finite),
        ("components", !data.components.is_empty(), kind == DataKind::Gmm),
    ] {
        check.require(known || !given, &format!("data.{key}"), || {
            format!("data.kind = \"{}\" has no `{key}`; take the key out", kind.name())
        })?;
    }
    Ok(())
}

fn shape_source(check: &Checker, shape: Shape, data: &mut DataFile) -> Result<ShapeSource, SpecError> {
    let mut source = ShapeSource::usual(shape);
    if let Some(noise) = data.noise {
        check.not_negative("data.noise", noise)?;
        source.noise = noise;
    }
    if let Some(extra) = data.extra {
        check.require((0.0..=1.0).contains(&extra), "data.extra", || {
            format!("`data.extra` is {extra}, but a share must be from 0 to 1")
        })?;
        source.extra = extra;
    }
    data.noise = shape.usual_noise().map(|_| source.noise);
    data.extra = shape.usual_extra().map(|_| source.extra);
    Ok(source)
}

fn mixture(check: &Checker, components: &[ComponentFile]) -> Result<GaussianMixture, SpecError> {
    check.require(!components.is_empty(), "data", || {
        "a \"gmm\" needs at least one [[data.components]] table with `mean` and `std`, `variances` or `covariance`"
            .to_string()
    })?;
    let weights: Vec<f64> = components.iter().map(|c| c.weight).collect();
    let means: Vec<_> = components.iter().map(|c| Array1::from(c.mean.clone())).collect();
    let covariances =
        components.iter().enumerate().map(|(k, c)| covariance(check, k, c)).collect::<Result<Vec<_>, _>>()?;
    GaussianMixture::new(&weights, &means, &covariances).map_err(|error| {
        let Some(k) = error.component() else { return check.0.error("data", error.to_string()) };
        use crate::data::mixture::MixtureError as E;
        let field = match error {
            E::Weight { .. } | E::VanishingWeight { .. } => "weight",
            E::Dimension { .. } | E::NotFinite { what: "mean", .. } => "mean",
            _ if components[k].std.is_some() => "std",
            _ if components[k].variances.is_some() => "variances",
            _ => "covariance",
        };
        check.0.error(&format!("data.components[{k}].{field}"), format!("data.components[{k}]: {error}"))
    })
}

/// The covariance of one component from whichever of its three forms is given.
fn covariance(check: &Checker, k: usize, c: &ComponentFile) -> Result<Array2<f64>, SpecError> {
    let at = format!("data.components[{k}]");
    let d = c.mean.len();
    check.require(d > 0, &format!("{at}.mean"), || {
        format!("{at}: the mean is empty; give a number for each axis")
    })?;
    match (&c.covariance, c.std, &c.variances) {
        (Some(rows), None, None) => {
            check.require(rows.len() == d && rows.iter().all(|r| r.len() == d), &format!("{at}.covariance"), || {
                format!("{at}: the mean has {d} coordinates, so the covariance must have {d} rows of {d} numbers")
            })?;
            Ok(Array2::from_shape_fn((d, d), |(i, j)| rows[i][j]))
        }
        (None, Some(std), None) => {
            let key = format!("{at}.std");
            check.positive(&key, std)?;
            check.require((std * std).is_normal(), &key, || {
                format!("`{key}` is {std:?}, but its square, the variance, must be a number of double precision, from 1e-307 to 1e308")
            })?;
            Ok(Array2::eye(d) * (std * std))
        }
        (None, None, Some(variances)) => {
            let key = format!("{at}.variances");
            check.require(variances.len() == d, &key, || {
                format!("{at}: {} variances, but the mean has {d} coordinates", variances.len())
            })?;
            variances.iter().try_for_each(|v| check.positive(&key, *v))?;
            Ok(Array2::from_diag(&Array1::from(variances.clone())))
        }
        (None, None, None) => {
            Err(check.0.error(&at, format!("{at} has no spread: give `std`, `variances` or `covariance`")))
        }
        _ => Err(check.0.error(&at, format!("{at}: give only one of `std`, `variances` and `covariance`"))),
    }
}
