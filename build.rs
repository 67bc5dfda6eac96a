//! Records the git commit, profile and features in the binary, for `provenance.json`.

use std::path::Path;
use std::process::Command;

fn main() {
    let git = |args: &[&str]| {
        let output = Command::new("git").args(args).output().ok()?;
        let text = String::from_utf8(output.stdout).ok()?;
        output.status.success().then(|| text.trim().to_string())
    };
    // A package that lies within another repository has no part in its commits; its own stands in a file.
    let here = std::env::var("CARGO_MANIFEST_DIR").ok().and_then(|dir| Path::new(&dir).canonicalize().ok());
    let root = git(&["rev-parse", "--show-toplevel"]).and_then(|dir| Path::new(&dir).canonicalize().ok());
    let is_repository = here.is_some() && here == root;
    let head = is_repository.then(|| git(&["rev-parse", "HEAD"])).flatten();
    let commit = head.map_or_else(
        || packaged_commit().unwrap_or_else(|| "unknown".to_string()),
        // Without optional locks, looking leaves the index as it is: else this would be run again each time.
        |commit| match git(&["--no-optional-locks", "status", "--porcelain", "--untracked-files=no"]) {
            Some(changes) if !changes.is_empty() => format!("{commit}+changes"),
            _ => commit,
        },
    );
    let features: Vec<&str> = [
        ("CARGO_FEATURE_OPENBLAS_SYSTEM", "openblas-system"),
        ("CARGO_FEATURE_OPENBLAS_STATIC", "openblas-static"),
        ("CARGO_FEATURE_NETLIB_STATIC", "netlib-static"),
        ("CARGO_FEATURE_INTEL_MKL_STATIC", "intel-mkl-static"),
        ("CARGO_FEATURE_CUDA", "cuda"),
    ]
    .into_iter()
    .filter(|(variable, _)| std::env::var_os(variable).is_some())
    .map(|(_, name)| name)
    .collect();
    println!("cargo::rustc-env=GDIFF_GIT_COMMIT={commit}");
    println!("cargo::rustc-env=GDIFF_PROFILE={}", std::env::var("PROFILE").unwrap_or_default());
    println!("cargo::rustc-env=GDIFF_FEATURES={}", features.join(","));
    println!("cargo::rerun-if-changed=build.rs");
    for file in ["HEAD", "index"].into_iter().filter(|_| is_repository) {
        // In a worktree they are elsewhere; a path that is not there would be run for each time.
        if let Some(path) = git(&["rev-parse", "--git-path", file]).filter(|p| Path::new(p).exists()) {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    // Where the libraries lie that only the machine that builds knows of: scripts/build-cuda.sh.
    println!("cargo::rerun-if-env-changed=GDIFF_RPATH");
    if let Ok(path) = std::env::var("GDIFF_RPATH") {
        println!("cargo::rustc-link-arg=-Wl,--disable-new-dtags,-rpath,{path}");
    }
    // Tests for CUDA run where it can be had, and are reported as ignored elsewhere.
    println!("cargo::rustc-check-cfg=cfg(gpu)");
    let device = Path::new("/dev/nvidiactl");
    if features.contains(&"cuda") && device.exists() {
        println!("cargo::rustc-cfg=gpu");
        println!("cargo::rerun-if-changed=/dev/nvidiactl");
    }
    println!("cargo::rerun-if-changed=src");
}

/// The commit that `cargo package` wrote beside the sources.
fn packaged_commit() -> Option<String> {
    let text = std::fs::read_to_string(".cargo_vcs_info.json").ok()?;
    let (_, rest) = text.split_once("\"sha1\"")?;
    let commit = rest.split('"').nth(1)?;
    commit.bytes().all(|b| b.is_ascii_hexdigit()).then(|| commit.to_string())
}
