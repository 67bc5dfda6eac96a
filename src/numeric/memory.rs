//! How much memory there is, and whether what is asked for can fit into it.
//!
//! An allocation that fails ends the process at once, so what a user can make large is estimated first. Only what
//! cannot fit at all is refused: more than the machine has, swap included, or more than the limit of the control
//! group that the process is in, or of its address space (`ulimit -v`).

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// Bytes that a process can have at most: the memory and swap of the machine, or the limit of its control group or of its
/// address space if that is less. `u64::MAX` where the system does not tell. Read once.
pub fn available() -> u64 {
    static AVAILABLE: OnceLock<u64> = OnceLock::new();
    *AVAILABLE.get_or_init(|| {
        let read = |path: &Path| std::fs::read_to_string(path).ok();
        let machine = read(Path::new("/proc/meminfo")).and_then(|text| of_machine(&text));
        let groups = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
        let limits = limit_files(&groups).into_iter().filter_map(|path| read(&path)?.trim().parse().ok());
        let space = read(Path::new("/proc/self/limits")).and_then(|text| of_address_space(&text));
        limits.chain(machine).chain(space).min().unwrap_or(u64::MAX)
    })
}

/// Refuses an amount that cannot fit; `what` is the subject of the sentence, in the plural.
///
/// # Errors
/// A sentence with both amounts.
pub fn check(what: &str, bytes: u64) -> Result<(), String> {
    check_against(what, bytes, available())
}

fn check_against(what: &str, bytes: u64, available: u64) -> Result<(), String> {
    if bytes <= available {
        return Ok(());
    }
    Err(format!("{what} would take {} of memory, but there are {} in all", size(bytes), size(available)))
}

/// Bytes of an array of `f64` of this shape; `u64::MAX` if there is no such number.
pub fn of_f64(shape: &[usize]) -> u64 {
    product(shape.iter().map(|&n| n as u64).chain([8]))
}

/// A product that stays at the largest number.
pub fn product(factors: impl IntoIterator<Item = u64>) -> u64 {
    factors.into_iter().fold(1, u64::saturating_mul)
}

/// An amount of memory for people, in powers of 1024.
pub fn size(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} bytes");
    }
    let (mut value, mut unit) = (bytes as f64 / 1024.0, 0);
    while value >= 1024.0 && unit + 1 < UNITS.len() {
        (value, unit) = (value / 1024.0, unit + 1);
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// Memory and swap of the machine, from Linux's `/proc/meminfo`.
fn of_machine(meminfo: &str) -> Option<u64> {
    let kibibytes = |name: &str| {
        let line = meminfo.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
        line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()
    };
    Some((kibibytes("MemTotal")? + kibibytes("SwapTotal").unwrap_or(0)).saturating_mul(1024))
}

/// The limit of the address space, from Linux's `/proc/self/limits`; none where it is unlimited.
fn of_address_space(limits: &str) -> Option<u64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max address space"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// The files that may hold a limit, from Linux's `/proc/self/cgroup`: of each group above the process, in both versions
/// of control groups. A word instead of a number means no limit.
fn limit_files(groups: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (fields.next(), fields.next()) else { continue };
        let (root, name) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            list if list.split(',').any(|c| c == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let below = Path::new(path.trim_start_matches('/'));
        files.extend(below.ancestors().map(|group| Path::new(root).join(group).join(name)));
    }
    files
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_read_as_linux_writes_it() {
        let text = "MemTotal:       24684084 kB\nMemFree:         5033248 kB\nSwapTotal:       1000 kB\n";
        assert_eq!(of_machine(text), Some(24_685_084 * 1024));
        assert_eq!(of_machine("MemFree: 1 kB\n"), None);
        let limits = |soft: &str| {
            format!("Max locked memory 8 8 bytes\nMax address space         {soft}     unlimited  bytes\n")
        };
        assert_eq!(of_address_space(&limits("1536000000")), Some(1_536_000_000));
        assert_eq!(of_address_space(&limits("unlimited")), None);
        let files = limit_files("9:name=systemd:/\n4:memory:/a/b\n0::/c\nnonsense\n");
        let names: Vec<_> = files.iter().map(|path| path.to_str().unwrap()).collect();
        let expected = [
            "/sys/fs/cgroup/memory/a/b/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/a/memory.limit_in_bytes",
            "/sys/fs/cgroup/memory/memory.limit_in_bytes",
            "/sys/fs/cgroup/c/memory.max",
            "/sys/fs/cgroup/memory.max",
        ];
        assert_eq!(names, expected);
        assert!(available() > 0);
    }

    #[test]
    fn amounts_are_said_in_a_sentence() {
        assert_eq!(check_against("the points", 4096, 4096), Ok(()));
        let refused = check_against("2 points", 3 << 30, 1 << 30).unwrap_err();
        assert_eq!(refused, "2 points would take 3.0 GiB of memory, but there are 1.0 GiB in all");
        assert_eq!(size(512), "512 bytes");
        assert_eq!(size(u64::MAX), "16.0 EiB");
        assert_eq!(of_f64(&[usize::MAX, 2]), u64::MAX);
    }
}
