//! Decoded pictures of a folder that are kept: the same images, whatever becomes of the files.

use crate::common::{message, run, spec, succeeded};
use crate::image_files::{FOLDER, save_digits};
use gdiff::data::images::{FoundImages, ImageOptions, Reading, Resize, read, read_watched};
use gdiff::store::kept_images;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::tempdir;

/// The images of a folder by way of a cache, which they are put into if they are not there, and how many were decoded.
fn cached(folder: &Path, options: &ImageOptions, cache: &Path) -> (FoundImages, usize) {
    let decoded = AtomicUsize::new(0);
    let watch = |done: usize, _: usize| assert_eq!(decoded.fetch_add(1, Ordering::SeqCst) + 1, done);
    let found = read_watched(folder, options, Reading { cache: Some(cache), watch: Some(&watch) }).unwrap();
    if let Some(place) = &found.to_keep {
        kept_images::write(place, &found.set).unwrap();
    }
    (found, decoded.into_inner())
}

fn names(folder: &Path) -> Vec<String> {
    let mut names: Vec<String> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn pictures_are_decoded_once_for_each_content_and_each_way_of_resizing() {
    let folder = tempdir().unwrap();
    let (real, cache) = (folder.path().join("real"), folder.path().join("kept/images"));
    save_digits(&real, 0..12);
    fs::write(real.join("notes.txt"), "").unwrap();
    let options = ImageOptions { size: Some(6), ..ImageOptions::default() };
    let plain = read(&real, &options).unwrap();
    let (first, decoded) = cached(&real, &options, &cache);
    assert_eq!(
        (&first.set, &first.sha256, &first.notices, decoded),
        (&plain.set, &plain.sha256, &plain.notices, 12)
    );
    let (again, decoded) = cached(&real, &options, &cache);
    assert_eq!(
        (&again.set, &again.sha256, &again.notices, decoded),
        (&plain.set, &plain.sha256, &plain.notices, 0)
    );
    assert_eq!(names(&cache).len(), 2, "an array and what it is");
    // NumPy reads the array, and so does whoever reads images.
    let array = names(&cache).into_iter().find(|name| name.ends_with(".npy")).unwrap();
    assert_eq!(read(&cache.join(array), &ImageOptions::default()).unwrap().set.pixels, plain.set.pixels);
    // Another way of resizing, another name, another content, one file less.
    let nearest = ImageOptions { resize: Resize::Nearest, ..options };
    let of = |options: &ImageOptions| cached(&real, options, &cache);
    assert_eq!((of(&nearest).1, of(&nearest).1), (12, 0));
    fs::rename(real.join("0003.png"), real.join("003.png")).unwrap();
    assert_eq!((of(&options).1, of(&options).1), (12, 0));
    fs::copy(real.join("0004.png"), real.join("0005.png")).unwrap();
    let (found, decoded) = of(&options);
    assert_eq!((decoded, found.set), (12, read(&real, &options).unwrap().set));
    fs::remove_file(real.join("0005.png")).unwrap();
    assert_eq!(of(&options).1, 11);
    // What cannot be read has no digest, so that nothing is kept of it.
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(real.join("nowhere"), real.join("link.png")).unwrap();
        let leave_out = ImageOptions { damaged: gdiff::data::images::DamagedImages::LeaveOut, ..options };
        let (found, decoded) = of(&leave_out);
        assert!(decoded == 12 && found.set.len() == 11 && found.to_keep.is_none());
    }
}

#[test]
fn damaged_files_of_a_cache_never_give_other_images() {
    let folder = tempdir().unwrap();
    let (real, cache) = (folder.path().join("real"), folder.path().join("kept"));
    save_digits(&real, 0..3);
    let options = ImageOptions::default();
    let plain = cached(&real, &options, &cache).0;
    let mut decoded_again = 0;
    for name in names(&cache) {
        let path = cache.join(&name);
        let whole = fs::read(&path).unwrap();
        let reread = |bytes: &[u8]| {
            fs::write(&path, bytes).unwrap();
            let found = cached(&real, &options, &cache).0;
            let again = found.notices.iter().any(|notice| notice.contains("the pictures are decoded again"));
            assert!(found.sha256 == plain.sha256 && found.set == plain.set, "{name}");
            assert_eq!(again, found.to_keep.is_some());
            usize::from(again)
        };
        for at in (0..whole.len()).step_by(7) {
            let mut bytes = whole.clone();
            bytes[at] ^= 1 << (at % 8);
            decoded_again += reread(&bytes);
        }
        decoded_again += reread(&whole[..whole.len() / 2]);
        decoded_again += reread(b"");
        fs::write(&path, &whole).unwrap();
    }
    assert!(decoded_again > 40, "{decoded_again}");
}

#[test]
fn a_study_from_a_cache_is_the_same_study() {
    let folder = tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    save_digits(&at("real"), 0..60);
    spec(folder.path(), FOLDER);
    let line = |cache: &str| FOLDER.replace("size = 6\n", &format!("size = 6\ncache = \"{cache}\"\n"));
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out", "--quiet"]));
    // A cache makes no other experiment: nothing is run again.
    spec(folder.path(), &line("kept"));
    let said = succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "out"]));
    assert!(said.contains("is finished already with this spec"), "{said}");
    assert_eq!(names(&at("kept")).len(), 2);
    succeeded(&run(folder.path(), &["run", "spec.toml", "--out", "cached", "--quiet"]));
    assert_eq!(fs::read(at("out/metrics.csv")).unwrap(), fs::read(at("cached/metrics.csv")).unwrap());
    assert_eq!(names(&at("kept")).len(), 2);
    // From the command line its folder begins where one is, and `gdiff metrics` keeps images likewise.
    succeeded(&run(folder.path(), &["check", "spec.toml", "data.cache=elsewhere"]));
    assert_eq!(names(&at("elsewhere")).len(), 2);
    let metrics = ["metrics", "real", "real", "--cache", "of_metrics"];
    let first = succeeded(&run(folder.path(), &metrics));
    assert_eq!(first, succeeded(&run(folder.path(), &metrics)));
    assert_eq!(names(&at("of_metrics")).len(), 2);
    // Where nothing can be kept the study goes on.
    spec(folder.path(), &line("spec.toml"));
    let output = run(folder.path(), &["check", "spec.toml"]);
    succeeded(&output);
    assert!(message(&output).contains("the images are not kept"), "{}", message(&output));
    // Only images of files are decoded.
    spec(folder.path(), "name = \"a\"\n[data]\nkind = \"eight_gaussians\"\ncache = \"kept\"\n");
    let output = run(folder.path(), &["check", "spec.toml"]);
    assert_eq!(output.status.code(), Some(2));
    assert!(message(&output).contains("has no `cache`"), "{}", message(&output));
}
