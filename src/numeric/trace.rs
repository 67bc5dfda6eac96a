//! What each thread does and when, if it is asked for: spans in the Chrome trace event format.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, Write};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Spans of what threads do, or nothing: the default records nothing, reads no clock and takes no memory.
///
/// ```
/// use gdiff::numeric::trace::Trace;
///
/// let trace = Trace::recording();
/// {
///     let _train = trace.of_run("baseline-r0").span("stage", "train");
/// }
/// let mut json = Vec::new();
/// trace.write(&mut json)?;
/// assert!(String::from_utf8_lossy(&json).contains(r#""name":"train""#));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Trace(Option<OfRun>);

/// Where the spans of a run are recorded.
#[derive(Debug, Clone)]
struct OfRun {
    recorder: Arc<Recorder>,
    run: Option<Arc<str>>,
}

#[derive(Debug)]
struct Recorder {
    begun: Instant,
    /// Spans that are over, in the order in which they ended.
    spans: Mutex<Vec<Recorded>>,
}

/// A span that is over.
#[derive(Debug)]
struct Recorded {
    category: &'static str,
    name: Cow<'static, str>,
    run: Option<Arc<str>>,
    thread: usize,
    from: Moment,
    to: Moment,
}

/// A moment of a thread.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// Since the recording began.
    wall: Duration,
    /// Processor time of the thread, where the system tells it.
    processor: Option<Duration>,
}

/// Something that a thread does until this is dropped.
#[derive(Debug)]
#[must_use = "a span ends when it is dropped"]
pub struct Span {
    of_run: OfRun,
    category: &'static str,
    name: Cow<'static, str>,
    from: Moment,
}

impl Trace {
    /// A trace that records.
    pub fn recording() -> Self {
        let recorder = Recorder { begun: Instant::now(), spans: Mutex::default() };
        Self(Some(OfRun { recorder: Arc::new(recorder), run: None }))
    }

    /// Whether it records.
    pub fn is_recording(&self) -> bool {
        self.0.is_some()
    }

    /// The same trace, whose spans name the run.
    pub fn of_run(&self, run: &str) -> Self {
        let named = |of_run: &OfRun| OfRun { recorder: Arc::clone(&of_run.recorder), run: Some(run.into()) };
        Self(self.0.as_ref().map(named))
    }

    /// Begins a span of this thread; none if nothing is recorded. Spans of a thread end in the reverse order of their
    /// beginnings, so bind it to a name of the block that it measures.
    pub fn span(&self, category: &'static str, name: &'static str) -> Option<Span> {
        self.named_span(category, || name.into())
    }

    /// [`span`](Self::span) with a name that is made only if it is recorded.
    pub fn named_span(
        &self,
        category: &'static str,
        name: impl FnOnce() -> Cow<'static, str>,
    ) -> Option<Span> {
        let of_run = self.0.clone()?;
        let from = of_run.recorder.now();
        Some(Span { of_run, category, name: name(), from })
    }

    /// This moment of this thread, for a span that begins and ends in different calls.
    pub fn now(&self) -> Option<Moment> {
        self.0.as_ref().map(|of_run| of_run.recorder.now())
    }

    /// Records a span of this thread from a moment of it to this one.
    pub fn since(&self, from: Moment, category: &'static str, name: &'static str) {
        if let Some(of_run) = &self.0 {
            of_run.record(category, name.into(), from);
        }
    }

    /// Writes all spans that are over as a JSON array of complete events: `name`, `cat`, `ph` (`X`), `ts` and `dur`
    /// (microseconds since the recording began), `tdur` (microseconds of processor time of the thread, where the system
    /// tells it), `pid`, `tid` (threads numbered as they record first) and `args` (`run`, where it is one's). An outer
    /// span comes before those within it.
    ///
    /// # Errors
    /// If `out` cannot be written to.
    pub fn write(&self, out: &mut dyn Write) -> io::Result<()> {
        write!(out, "[")?;
        if let Some(of_run) = &self.0 {
            let mut spans = of_run.recorder.spans.lock().unwrap_or_else(PoisonError::into_inner);
            // Inner spans were recorded first, so of two that begin together the later one is the outer one.
            spans.reverse();
            spans.sort_by_key(|span| (span.thread, span.from.wall));
            let process = std::process::id();
            for (i, span) in spans.iter().enumerate() {
                let micros = |time: Duration| time.as_nanos() as f64 / 1e3;
                let mut event = serde_json::json!({
                    "name": span.name,
                    "cat": span.category,
                    "ph": "X",
                    "ts": micros(span.from.wall),
                    "dur": micros(span.to.wall - span.from.wall),
                    "pid": process,
                    "tid": span.thread,
                    "args": {},
                });
                if let (Some(from), Some(to)) = (span.from.processor, span.to.processor) {
                    event["tdur"] = micros(to.saturating_sub(from)).into();
                }
                if let Some(run) = &span.run {
                    event["args"]["run"] = run.as_ref().into();
                }
                write!(out, "{}{event}", if i == 0 { "\n" } else { ",\n" })?;
            }
        }
        writeln!(out, "\n]")
    }
}

impl OfRun {
    fn record(&self, category: &'static str, name: Cow<'static, str>, from: Moment) {
        let to = self.recorder.now();
        let span = Recorded { category, name, run: self.run.clone(), thread: thread_number(), from, to };
        self.recorder.spans.lock().unwrap_or_else(PoisonError::into_inner).push(span);
    }
}

impl Recorder {
    fn now(&self) -> Moment {
        Moment { wall: self.begun.elapsed(), processor: processor_time() }
    }
}

impl Drop for Span {
    fn drop(&mut self) {
        self.of_run.record(self.category, std::mem::take(&mut self.name), self.from);
    }
}

/// The number of this thread among those that recorded something, from 0.
fn thread_number() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static NUMBER: Cell<Option<usize>> = const { Cell::new(None) });
    NUMBER.with(|number| {
        let own = number.get().unwrap_or_else(|| NEXT.fetch_add(1, Ordering::Relaxed));
        number.set(Some(own));
        own
    })
}

/// Processor time of this thread since it began.
#[cfg(any(target_os = "linux", target_os = "macos"))]
fn processor_time() -> Option<Duration> {
    use nix::time::{ClockId, clock_gettime};
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok().map(Duration::from)
}

/// Processor time of this thread since it began.
#[cfg(not(any(target_os = "linux", target_os = "macos")))]
fn processor_time() -> Option<Duration> {
    None
}
