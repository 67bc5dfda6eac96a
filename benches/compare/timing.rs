//! Medians of repeated calls, or a number of calls for whoever counts instructions; and peak memory.

use serde::Serialize;
use std::time::{Duration, Instant};

/// Calls shorter than this are timed in groups, so that the clock costs nothing.
const GROUP: Duration = Duration::from_micros(200);

/// How often something is called.
#[derive(Clone, Copy)]
pub enum Length {
    /// As often as fits into some seconds.
    Seconds(f64),
    /// So often, and no more.
    Calls(u32),
}

/// How long something takes and how much memory.
#[derive(Serialize)]
pub struct Timing {
    /// Median, for one unit of work.
    microseconds: f64,
    /// Timed groups of calls.
    repeats: usize,
    /// Most memory during the first call beyond what there was before it; says something only about the first
    /// request of a process, as allocators keep what they have.
    peak_rise_mib: f64,
    /// Most memory of the process so far.
    peak_mib: f64,
}

/// Calls `work`, which does `units` units of work, again and again. Of some seconds the first call is for warming up, unless
/// it takes all that time.
pub fn time(length: Length, units: usize, mut work: impl FnMut()) -> Timing {
    let before = memory("VmRSS");
    let mut call = |calls: u32| {
        let clock = Instant::now();
        (0..calls).for_each(|_| work());
        clock.elapsed()
    };
    let seconds = match length {
        Length::Seconds(seconds) => seconds,
        Length::Calls(calls) => {
            let mean = call(calls).as_secs_f64() / f64::from(calls.max(1));
            let (peak_mib, peak_rise_mib) = (memory("VmHWM"), memory("VmHWM") - before);
            return Timing { microseconds: mean * 1e6 / units as f64, repeats: 1, peak_rise_mib, peak_mib };
        }
    };
    let first = call(1);
    let peak_rise_mib = memory("VmHWM") - before;
    let mut groups = Vec::new();
    if first.as_secs_f64() >= seconds {
        groups.push(first.as_secs_f64());
    } else {
        let budget = Instant::now();
        let calls = (GROUP.as_secs_f64() / call(1).as_secs_f64()).ceil().clamp(1.0, 1e6) as u32;
        while groups.is_empty() || budget.elapsed().as_secs_f64() < seconds {
            groups.push(call(calls).as_secs_f64() / f64::from(calls));
        }
    }
    groups.sort_by(f64::total_cmp);
    let n = groups.len();
    let median = (groups[(n - 1) / 2] + groups[n / 2]) / 2.0;
    Timing { microseconds: median * 1e6 / units as f64, repeats: n, peak_rise_mib, peak_mib: memory("VmHWM") }
}

/// A size from Linux's account of this process, MiB; NaN elsewhere.
fn memory(key: &str) -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
    let kib = line.and_then(|line| line.split_whitespace().next()?.parse::<f64>().ok());
    kib.map_or(f64::NAN, |kib| kib / 1024.0)
}
