//! The two sets that `gdiff metrics` compares, as feature vectors.

use super::images::read_images;
use super::table_args::in_order_of;
use super::{Failure, TableArgs, offered};
use crate::data::images::ImageSet;
use crate::data::table::{DataTable, file_bytes};
use crate::metrics::MetricsError;
use crate::metrics::features::{FeatureExtractor, FeatureKind, ImageFeatures, NetworkWeights, Resizing};
use crate::report::{CountBar, note};
use crate::store::atomic;
use crate::store::feature_cache::{self, FeatureKey};
use candle_core::Device;
use clap::Args;
use ndarray::Array2;
use serde::Serialize;
use std::path::{Path, PathBuf};

/// What images become before they are compared.
#[derive(Debug, Args)]
pub struct FeatureArgs {
    /// What images become before they are compared: pixels, random, inception or resnet50 [default: pixels]; a table's
    /// features are its columns
    #[arg(long, value_name = "NAME", value_parser = offered::features())]
    pub features: Option<FeatureKind>,
    /// What the networks among them need.
    #[command(flatten)]
    pub network: NetworkArgs,
    /// Folder where decoded images of folders and features of images are kept, and found again by the digests of files and
    /// weights
    #[arg(long, value_name = "DIR")]
    pub cache: Option<PathBuf>,
    /// Compute the inception score of the generated images, beside that of the real ones; with --features inception
    #[arg(long)]
    pub inception_score: bool,
}

/// What features by a trained network need.
#[derive(Debug, Args)]
pub struct NetworkArgs {
    /// Weights of inception or resnet50: a safetensors file, which scripts/convert_inception.py makes
    #[arg(long, value_name = "FILE")]
    pub weights: Option<PathBuf>,
    /// How images are resized for inception and resnet50: pytorch-fid, torch-fidelity or clean-fid [default: pytorch-fid]
    #[arg(long, value_name = "NAME", value_parser = offered::resizing())]
    pub resize: Option<Resizing>,
}

/// Where the two sets are.
pub(super) struct SetsAt<'a> {
    pub real: &'a Path,
    pub fake: &'a Path,
    /// How tables are read.
    pub table: &'a TableArgs,
    /// Seed of random features.
    pub seed: u64,
}

/// Both sets as feature vectors, and what they are features of.
pub(super) struct Sets {
    pub real: Array2<f64>,
    pub fake: Array2<f64>,
    /// Class probabilities of real and generated images, where the features have classes.
    pub probabilities: Option<(Array2<f64>, Array2<f64>)>,
    /// Whether they are features of images.
    pub of_images: bool,
    pub origin: Origin,
}

/// What the features are of.
#[derive(Clone, Serialize)]
pub(super) struct Origin {
    pub features: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resize: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights_sha256: Option<String>,
    pub reference_sha256: String,
    pub generated_sha256: String,
}

/// A metric that refuses its points.
pub(super) fn wrong(error: MetricsError) -> Failure {
    Failure::input(error.to_string())
}

impl SetsAt<'_> {
    /// Reads both sets: images of one size, or tables with the same columns.
    pub fn read(&self, args: &FeatureArgs, device: &Device) -> Result<Sets, Failure> {
        let (real, fake) = (self.real.display(), self.fake.display());
        let cache = args.cache.as_deref();
        match (read_images(self.real, cache)?, read_images(self.fake, cache)?) {
            (Some(a), Some(b)) => self.of_images(args, (&a, &b), device),
            (None, None)
                if args.features.is_some() || args.network.weights.is_some() || args.inception_score =>
            {
                Err(Failure::input(format!(
                    "{real} and {fake} are tables, whose features are their columns; --features, --weights and --inception-score are for images: a folder of PNG, JPEG or WebP files, of CIFAR's binary files or of idx files, or one such file, or npy of uint8 with axes (n, height, width) or (n, height, width, channels)"
                )))
            }
            (None, None) => self.of_tables(),
            (a, _) => {
                let (images, table) = if a.is_some() { (real, fake) } else { (fake, real) };
                Err(Failure::input(format!(
                    "{images} holds images, but {table} is a table; both must be images of one size, or tables with the same axes"
                )))
            }
        }
    }

    /// Reads two tables with the same columns.
    fn of_tables(&self) -> Result<Sets, Failure> {
        let (DataTable { points: real, names, .. }, fake) =
            (self.table.read(self.real)?, self.table.read(self.fake)?);
        if real.ncols() != fake.points.ncols() {
            return Err(Failure::input(format!(
                "{} has {} columns, but {} has {}; both tables must have the same axes",
                self.real.display(),
                real.ncols(),
                self.fake.display(),
                fake.points.ncols()
            )));
        }
        let whose = self.real.display().to_string();
        let fake = in_order_of(fake, self.fake, (&names, true), ("real table", &whose))?;
        let digest = |path: &Path| -> Result<String, Failure> {
            Ok(atomic::digest(&file_bytes(path).map_err(|e| Failure::input(e.to_string()))?))
        };
        let origin = Origin {
            features: "columns",
            resize: None,
            weights_sha256: None,
            reference_sha256: digest(self.real)?,
            generated_sha256: digest(self.fake)?,
        };
        Ok(Sets { real, fake, probabilities: None, of_images: false, origin })
    }

    /// The features of two sets of images.
    fn of_images(
        &self,
        args: &FeatureArgs,
        (a, b): (&ImageSet, &ImageSet),
        device: &Device,
    ) -> Result<Sets, Failure> {
        let kind = args.features.unwrap_or_default();
        if !kind.has_weights() && a.shape() != b.shape() {
            let size = |(h, w, c): (usize, usize, usize)| format!("{h} x {w} pixels with {c} channel(s)");
            return Err(Failure::input(format!(
                "{} has images of {}, but {} of {}; both must have the same size and channels",
                self.real.display(),
                size(a.shape()),
                self.fake.display(),
                size(b.shape())
            )));
        }
        if args.inception_score && kind != FeatureKind::Inception {
            return Err(Failure::input(format!(
                "the inception score needs class probabilities, which the features {kind} do not have; give --features inception --weights FILE"
            )));
        }
        let resizing = args.network.resize.unwrap_or_default();
        let (extractor, weights) = args.network.extractor(kind, self.seed, device)?;
        let origin = Origin {
            features: kind.name(),
            resize: kind.has_weights().then(|| resizing.name()),
            weights_sha256: weights.as_ref().map(|weights| weights.sha256().to_string()),
            reference_sha256: a.sha256(),
            generated_sha256: b.sha256(),
        };
        let features = |images: &ImageSet, path: &Path, sha256: &str| {
            let key = FeatureKey {
                features: kind.name().to_string(),
                seed: (kind == FeatureKind::Random).then_some(self.seed),
                images_sha256: sha256.to_string(),
                weights_sha256: origin.weights_sha256.clone(),
                resize: origin.resize.map(str::to_string),
                device: if device.is_cpu() { "cpu" } else { "cuda" }.to_string(),
                version: FeatureKey::VERSION,
            };
            let compute = || {
                let bar = CountBar::new(&format!("{kind} features of {}", path.display()), images.len());
                extractor.extract(images, &|count| bar.add(count)).map_err(wrong)
            };
            match &args.cache {
                Some(folder) if kind != FeatureKind::Pixels => kept(folder, &key, compute),
                _ => compute(),
            }
        };
        let real = features(a, self.real, &origin.reference_sha256)?;
        let fake = features(b, self.fake, &origin.generated_sha256)?;
        let probabilities = match args.inception_score {
            true => real.probabilities().zip(fake.probabilities()),
            false => None,
        };
        Ok(Sets { real: real.values, fake: fake.values, probabilities, of_images: true, origin })
    }
}

impl NetworkArgs {
    /// What makes the features of a kind, and the weights that it has.
    pub(super) fn extractor(
        &self,
        kind: FeatureKind,
        seed: u64,
        device: &Device,
    ) -> Result<(FeatureExtractor, Option<NetworkWeights>), Failure> {
        self.refuse_idle(&[kind])?;
        self.of_kind(kind, seed, device)
    }

    /// What makes the features of each of several kinds.
    pub(super) fn extractors(
        &self,
        kinds: &[FeatureKind],
        seed: u64,
        device: &Device,
    ) -> Result<Vec<FeatureExtractor>, Failure> {
        self.refuse_idle(kinds)?;
        kinds.iter().map(|kind| Ok(self.of_kind(*kind, seed, device)?.0)).collect()
    }

    fn of_kind(
        &self,
        kind: FeatureKind,
        seed: u64,
        device: &Device,
    ) -> Result<(FeatureExtractor, Option<NetworkWeights>), Failure> {
        let weights = self.weights(kind)?;
        let resizing = self.resize.unwrap_or_default();
        let extractor =
            FeatureExtractor::new(kind, weights.as_ref(), (resizing, seed), device).map_err(wrong)?;
        Ok((extractor, weights))
    }

    /// Refuses what none of these kinds of features takes.
    fn refuse_idle(&self, kinds: &[FeatureKind]) -> Result<(), Failure> {
        let given = [("--weights", self.weights.is_some()), ("--resize", self.resize.is_some())];
        let idle = given.iter().find(|(_, given)| *given && !kinds.iter().any(|kind| kind.has_weights()));
        let Some((option, _)) = idle else { return Ok(()) };
        let kinds: Vec<&str> = kinds.iter().map(|kind| kind.name()).collect();
        Err(Failure::input(format!(
            "{option} is for --features inception and resnet50, but the features are {}",
            kinds.join(" and ")
        )))
    }

    /// The file of weights, of features that need one.
    fn weights(&self, kind: FeatureKind) -> Result<Option<NetworkWeights>, Failure> {
        let path = match (kind.has_weights(), &self.weights) {
            (false, _) => return Ok(None),
            (true, Some(path)) => path,
            (true, None) => {
                return Err(Failure::input(format!(
                    "--features {kind} needs --weights FILE.safetensors, which scripts/convert_inception.py makes of the usual PyTorch file; docs/features.md says which"
                )));
            }
        };
        let wrong = |reason: String| Failure::input(format!("{}: {reason}", path.display()));
        let bytes = std::fs::read(path).map_err(|e| wrong(e.to_string()))?;
        NetworkWeights::read(&bytes).map(Some).map_err(|e| wrong(e.to_string()))
    }
}

/// Features from a folder, or computed and put there.
fn kept(
    folder: &Path,
    key: &FeatureKey,
    compute: impl Fn() -> Result<ImageFeatures, Failure>,
) -> Result<ImageFeatures, Failure> {
    match feature_cache::read(folder, key) {
        Ok(Some(features)) => return Ok(features),
        Ok(None) => {}
        Err(e) => note(&format!("{}; the features are computed again", e.reason())),
    }
    let features = compute()?;
    feature_cache::write(folder, key, &features).map_err(|e| Failure::running(e.to_string()))?;
    Ok(features)
}
