//! A disk that is full or cannot be written: a sentence, exit code 1, nothing half-written; and when there is room
//! again, the same command goes on to the same bytes.

use crate::common::{TABLES, TINY, files, gdiff, message, same_tables, spec, succeeded, text};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::{TempDir, tempdir};

const RUN: [&str; 6] = ["run", "spec.toml", "--quiet", "--jobs", "2", "--out"];

fn study() -> String {
    format!("{TINY}\n[sweep]\n\"network.hidden\" = [[8], [6, 6], [5]]\n")
}

fn run(folder: &Path, out: &Path) -> Output {
    gdiff(folder).args(RUN).arg(out).output().unwrap()
}

/// A folder with the spec and the tables of an undisturbed study.
fn with_whole() -> TempDir {
    let folder = tempdir().unwrap();
    spec(folder.path(), &study());
    succeeded(&run(folder.path(), Path::new("whole")));
    folder
}

/// It failed with a sentence that names a file and these words.
fn failed(output: &Output, words: &[&str]) {
    let message = message(output);
    assert_eq!(output.status.code(), Some(1), "{message}");
    for word in words.iter().chain(&["gdiff: cannot write ", "check that the folder is writable"]) {
        assert!(message.contains(word), "`{word}` is not in: {message}");
    }
    assert!(!message.contains("panicked"), "{message}");
}

/// What is there is whole: the tables of a run that was cut short are those of the undisturbed one, or not there.
fn nothing_half_written(whole: &Path, out: &Path) {
    for path in files(out) {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        assert!(!name.ends_with(".part"), "{} was left behind", path.display());
        let same = whole.join(path.strip_prefix(out).unwrap());
        if name.ends_with(".csv") || name.ends_with(".safetensors") || name == "spec.toml" {
            let read = |path: &Path| std::fs::read(path).unwrap();
            assert!(name.starts_with("checkpoint") || read(&path) == read(&same), "{}", path.display());
        }
    }
    assert!(TABLES.iter().any(|table| !out.join(table).exists()), "nothing is missing");
}

/// A file system of its own in memory, taken away in the end.
struct Tmpfs(PathBuf);

impl Tmpfs {
    /// None where it cannot be had: without root, or in a closed container.
    fn new(folder: &Path, size: &str) -> Option<Self> {
        std::fs::create_dir(folder).unwrap();
        let mounted = mount(&["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"], folder);
        mounted.then(|| Self(folder.to_path_buf()))
    }

    fn remount(&self, options: &str) {
        assert!(mount(&["-o", &format!("remount,{options}")], &self.0), "remount {options}");
    }
}

impl Drop for Tmpfs {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn mount(options: &[&str], folder: &Path) -> bool {
    let mut command = Command::new("mount");
    command.args(options).arg(folder).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

#[test]
fn a_full_disk_is_said_and_gone_on_from() {
    let folder = with_whole();
    let (out, whole) = (folder.path().join("out"), folder.path().join("whole"));
    let first = std::fs::read_dir(whole.join("runs")).unwrap().map(|e| e.unwrap().file_name()).min().unwrap();
    let of_run = |name: &str| Path::new("runs").join(&first).join(name);
    // A file that leads to the full device is one for which there is no room, in the order of writing.
    let of_a_run =
        ["isotropy.csv", "loss.csv", "model.safetensors", "metrics.csv", "samples.csv"].map(of_run).to_vec();
    let of_the_study = ["metrics.csv", "loss.csv", "summary.csv"].map(PathBuf::from).to_vec();
    // A spec shows that the folder is one of a study.
    std::fs::create_dir(&out).unwrap();
    std::fs::copy(whole.join("spec.toml"), out.join("spec.toml")).unwrap();
    for names in [of_a_run, of_the_study] {
        for name in names {
            let path = out.join(&name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            let _ = std::fs::remove_file(&path);
            std::os::unix::fs::symlink("/dev/full", &path).unwrap();
            let output = run(folder.path(), &out);
            std::fs::remove_file(&path).unwrap();
            failed(&output, &["No space left on device"]);
            nothing_half_written(&whole, &out);
        }
        // However many runs were over when another had no room: from here on the runs show whose folder it is.
        succeeded(&run(folder.path(), &out));
        same_tables(&whole, &out);
    }
    on_a_file_system_that_fills_up(folder.path(), &whole);
}

/// The same at whatever byte the room ends. It takes the right to mount; the files that lead to the full device above
/// do not.
fn on_a_file_system_that_fills_up(folder: &Path, whole: &Path) {
    let disk = folder.join("disk");
    let size: u64 = files(whole).iter().map(|path| path.metadata().unwrap().len()).sum();
    let Some(tmpfs) = Tmpfs::new(&disk, "64k") else { return };
    let out = disk.join("out");
    // Room for more and more of it, so that it breaks off at another place each time.
    for part in 1..6 {
        tmpfs.remount(&format!("size={}", part * size / 6));
        failed(&run(folder, &out), &["No space left on device"]);
        nothing_half_written(whole, &out);
    }
    tmpfs.remount("size=64m");
    succeeded(&run(folder, &out));
    same_tables(whole, &out);
}

#[test]
fn a_limit_on_file_sizes_is_said_and_gone_on_from() {
    let folder = with_whole();
    let (out, whole) = (folder.path().join("out"), folder.path().join("whole"));
    // Blocks of 512 bytes: the largest files do not fit.
    for blocks in [1, 8, 16] {
        let output = Command::new("sh")
            .args(["-c", &format!("ulimit -f {blocks}; exec \"$0\" \"$@\"")])
            .arg(assert_cmd::cargo::cargo_bin("gdiff"))
            .args(RUN)
            .arg(&out)
            .current_dir(folder.path())
            .output()
            .unwrap();
        failed(&output, &["File too large"]);
        nothing_half_written(&whole, &out);
    }
    succeeded(&run(folder.path(), &out));
    same_tables(&whole, &out);
}

/// The binary as a user who may not write into the folder. The superuser may write everywhere, so a test that runs as
/// one starts it as nobody, from a place where nobody can read it.
struct Reader {
    folder: PathBuf,
    binary: PathBuf,
}

impl Reader {
    fn new(folder: &Path) -> Self {
        let binary = folder.join("gdiff");
        std::fs::copy(assert_cmd::cargo::cargo_bin("gdiff"), &binary).unwrap();
        mode(folder, 0o755);
        mode(&binary, 0o755);
        Self { folder: folder.to_path_buf(), binary }
    }

    fn run(&self, command: &[&str], out: &Path) -> Output {
        const NOBODY: u32 = 65534;
        let mut process = Command::new(&self.binary);
        process.args(command).arg(out).current_dir(&self.folder);
        if std::fs::metadata("/proc/self").unwrap().uid() == 0 {
            process.uid(NOBODY).gid(NOBODY);
        }
        process.output().unwrap()
    }
}

fn mode(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

/// Lets nobody write into a folder, or its owner again.
fn writable(folder: &Path, writable: bool) {
    let (of_folders, of_files) = if writable { (0o755, 0o644) } else { (0o555, 0o444) };
    mode(folder, 0o755);
    for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
        match entry.is_dir() {
            true => self::writable(&entry, writable),
            false => mode(&entry, of_files),
        }
    }
    mode(folder, of_folders);
}

#[test]
fn a_read_only_folder_is_said_and_what_is_finished_can_still_be_looked_at() {
    let folder = with_whole();
    let disk = folder.path().join("disk");
    let (done, begun) = (disk.join("done"), disk.join("begun"));
    std::fs::create_dir(&disk).unwrap();
    succeeded(&run(folder.path(), &done));
    succeeded(
        &gdiff(folder.path()).args(["sweep", "plan", "spec.toml", "--out"]).arg(&begun).output().unwrap(),
    );
    let reader = Reader::new(folder.path());
    writable(&disk, false);
    for out in [begun.as_path(), &disk.join("new")] {
        failed(&reader.run(&RUN, out), &["Permission denied"]);
    }
    failed(&reader.run(&["sweep", "exec", "--index", "0"], &begun), &["Permission denied"]);
    failed(&reader.run(&["sweep", "collect"], &begun), &["Permission denied"]);
    failed(&reader.run(&["plot"], &done), &["Permission denied"]);
    succeeded(&reader.run(&RUN, &done));
    for command in [&["ls"][..], &["sweep", "status"]] {
        succeeded(&reader.run(command, &done));
        succeeded(&reader.run(command, &begun));
    }
    succeeded(&reader.run(&["verify"], &done));
    writable(&disk, true);
    succeeded(&run(folder.path(), &begun));
    same_tables(&done, &begun);
    assert_eq!(text(done.join("spec.toml")), text(begun.join("spec.toml")));
}
