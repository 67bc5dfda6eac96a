//! The binary as a process: to its end, or up to a point at which it waits (`GDIFF_TEST_WAIT`).

use super::gdiff;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

/// How long a process may take to reach a point before the test fails: it decides nothing else.
const HANG: Duration = Duration::from_secs(300);

/// Runs the binary in a folder to its end.
pub fn run(folder: &Path, arguments: &[&str]) -> Output {
    gdiff(folder).args(arguments).output().expect("the binary starts")
}

/// Standard error as text.
pub fn message(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Standard output as text.
pub fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The command ended well; returns its standard output.
pub fn succeeded(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(0), "{}", message(output));
    said(output)
}

/// Runs a line of a shell, such as a command that a message tells to paste.
pub fn shell(folder: &Path, line: &str) -> Output {
    Command::new("sh").args(["-c", line]).current_dir(folder).output().expect("there is a shell")
}

/// A process of the binary that waits at the points it was given, and is killed when it is dropped.
pub struct Waiting {
    child: Child,
    lines: Receiver<String>,
    said: String,
}

/// Undoes for the process what `nohup` did for the tests: a signal that is ignored stays ignored in every child.
fn hears_of_a_lost_terminal(command: &mut Command) {
    unsafe extern "C" {
        fn signal(number: i32, handler: usize) -> usize;
    }
    const SIGHUP: i32 = 1;
    const DEFAULT: usize = 0;
    // SAFETY: `signal` may be called between fork and exec, and the closure does nothing else.
    unsafe {
        command.pre_exec(|| {
            signal(SIGHUP, DEFAULT);
            Ok(())
        });
    }
}

impl Waiting {
    /// Starts the binary, and returns when it waits at every one of the points (see `src/store/wait_point.rs`).
    pub fn begin(folder: &Path, arguments: &[&str], points: &[&str]) -> Self {
        let mut command = Command::new(assert_cmd::cargo::cargo_bin("gdiff"));
        hears_of_a_lost_terminal(&mut command);
        let mut child = command
            .current_dir(folder)
            .args(arguments)
            .env("GDIFF_TEST_WAIT", points.join(","))
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let stderr = child.stderr.take().expect("standard error is piped");
        let (send, lines) = channel();
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let _ = send.send(line);
            }
        });
        let mut waiting = Self { child, lines, said: String::new() };
        for _ in points {
            waiting.until_one_more_waits(points);
        }
        waiting
    }

    fn until_one_more_waits(&mut self, points: &[&str]) {
        loop {
            match self.lines.recv_timeout(HANG) {
                Ok(line) if line.starts_with("gdiff: waiting at ") => return,
                Ok(line) => self.said += &format!("{line}\n"),
                Err(why) => panic!("it never waited at {points:?} ({why}): {}", self.said),
            }
        }
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills it without a warning.
    pub fn kill(mut self) {
        assert!(self.child.try_wait().unwrap().is_none(), "it ended where it should wait: {}", self.said);
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Interrupts it as Ctrl-C does: how it ends, and what it says on standard error.
    pub fn interrupt(self) -> (ExitStatus, String) {
        self.end_by("INT")
    }

    /// Sends it a signal, by its name without `SIG`.
    pub fn send(&self, signal: &str) {
        let sent = Command::new("kill").args([&format!("-{signal}"), &self.id().to_string()]).status();
        assert!(sent.unwrap().success(), "{signal} could not be sent");
    }

    /// Sends it a signal that ends it: how it ends, and what it says on standard error.
    pub fn end_by(mut self, signal: &str) -> (ExitStatus, String) {
        self.send(signal);
        let status = self.child.wait().unwrap();
        // Ends when the process has closed its standard error.
        while let Ok(line) = self.lines.recv() {
            self.said += &format!("{line}\n");
        }
        (status, std::mem::take(&mut self.said))
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A small generator for moments and places: the test is the same each time.
pub struct Dice(pub u64);

impl Dice {
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        ((self.0 >> 33) as usize) % n
    }
}
