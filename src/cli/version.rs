//! What `gdiff --version` says.

use std::sync::OnceLock;

/// `-V`: the version, and the commit where the program was built in its repository.
pub fn short() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| match commit() {
        Some(commit) => format!("{} ({})", env!("CARGO_PKG_VERSION"), short_commit(commit)),
        None => env!("CARGO_PKG_VERSION").to_string(),
    })
}

/// `--version`: with the libraries too.
pub fn long() -> &'static str {
    static TEXT: OnceLock<String> = OnceLock::new();
    TEXT.get_or_init(|| {
        format!(
            "{}\ncommit   {}\nprofile  {}\nBLAS     {}\nCUDA     {}{}",
            env!("CARGO_PKG_VERSION"),
            commit().unwrap_or("not known: it was built outside of its repository"),
            env!("GDIFF_PROFILE"),
            blas(),
            if candle_core::utils::cuda_is_available() { "yes" } else { "no (docs/cuda.md)" },
            left_out(),
        )
    })
}

/// What this build was made without.
fn left_out() -> String {
    let features = [("figures", cfg!(feature = "figures")), ("TensorBoard", cfg!(feature = "tensorboard"))];
    let without: Vec<&str> = features.iter().filter(|(_, there)| !there).map(|(name, _)| *name).collect();
    if without.is_empty() { String::new() } else { format!("\nwithout  {}", without.join(", ")) }
}

fn commit() -> Option<&'static str> {
    Some(env!("GDIFF_GIT_COMMIT")).filter(|commit| *commit != "unknown")
}

/// The first digits of a commit, and whether the files had changed since.
fn short_commit(commit: &str) -> String {
    match commit.split_once('+') {
        Some((commit, changes)) => format!("{}+{changes}", commit.get(..10).unwrap_or(commit)),
        None => commit.get(..10).unwrap_or(commit).to_string(),
    }
}

/// The library of linear algebra that is linked.
fn blas() -> &'static str {
    let has = |name: &str| env!("GDIFF_FEATURES").split(',').any(|feature| feature == name);
    match () {
        () if has("openblas-static") => "OpenBLAS, built in",
        () if has("netlib-static") => "Netlib LAPACK, built in",
        () if has("intel-mkl-static") => "Intel MKL, built in",
        () if has("openblas-system") => "OpenBLAS of the system",
        () => "none",
    }
}
