//! Signals: which of them ask for a stop, and when a second one does not wait for it.

use crate::run::Interrupt;
use signal_hook::consts::{SIGHUP, SIGINT, SIGTERM, SIGUSR1, SIGXCPU, SIGXFSZ};
use std::ffi::c_int;
use std::sync::Arc;

/// What people and batch systems send: Ctrl-C, `kill`, the end of a job's time, and Slurm's `--signal=USR1`. The first
/// asks for a stop at the next safe point, the second ends the process.
const SENT: &[c_int] = &[SIGINT, SIGTERM, SIGUSR1];

/// What systems send more than once for one cause: the end of a terminal comes from the kernel and from the shell, and
/// a limit on processor time every second anew. They ask for a stop, and go on asking.
const REPEATED: &[c_int] = &[SIGHUP, SIGXCPU];

/// Sets the flag at the first signal that asks for a stop. SIGPIPE is ignored by the runtime of the language already.
///
/// # Errors
/// If the system refuses a handler.
pub(super) fn listen(interrupt: &Interrupt) -> std::io::Result<()> {
    for &signal in SENT {
        signal_hook::flag::register_conditional_shutdown(signal, 130, interrupt.flag())?;
        signal_hook::flag::register(signal, interrupt.flag())?;
    }
    for &signal in REPEATED {
        // `nohup` starts a process that ignores the end of its terminal, and shall outlive it.
        if !(signal == SIGHUP && is_ignored(signal)) {
            signal_hook::flag::register(signal, interrupt.flag())?;
        }
    }
    // Past a limit on file sizes the kernel would kill the process; heard, the write fails and says so.
    signal_hook::flag::register(SIGXFSZ, Arc::default())?;
    Ok(())
}

/// Whether the process was started to ignore a signal; false where Linux does not tell.
fn is_ignored(signal: c_int) -> bool {
    let text = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = text.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // A bit for each signal, from 1 on.
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or(0);
    mask >> (signal - 1) & 1 == 1
}
