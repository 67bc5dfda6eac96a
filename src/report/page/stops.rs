//! Where the slider of the page stops: at reverse steps of the longest process, and where the others are at the same
//! diffusion time.

use serde::Serialize;

/// A reverse step, and the diffusion time of the points after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Stop {
    /// Reverse step: 0 is the start.
    pub step: usize,
    /// Diffusion time.
    pub t: usize,
}

/// The reverse process of one run: its steps in order, the first of them 0.
pub type Process = Vec<Stop>;

/// At most `most` steps of the process that has most of them, evenly, the first and the last among them.
pub fn stops(processes: &[&Process], most: usize) -> Vec<Stop> {
    // Of processes of one length it is the first.
    let longest = processes.iter().rev().max_by_key(|process| process.last().map(|stop| stop.step));
    let Some(longest) = longest.filter(|process| !process.is_empty()) else { return Vec::new() };
    let (last, n) = (longest.len() - 1, most.clamp(1, longest.len()));
    (0..n).map(|i| longest[i * last / (n - 1).max(1)]).collect()
}

/// Where a process is at the diffusion times of the stops: at its last step that is not past the time; at its first one
/// where it starts later.
pub fn reached(process: &Process, stops: &[Stop]) -> Vec<Stop> {
    let at = |stop: &Stop| process.iter().rev().find(|own| own.t >= stop.t).or(process.first()).copied();
    stops.iter().filter_map(at).collect()
}

/// The diffusion time of a step between others, linear between its neighbours.
pub fn time_of(process: &Process, step: f64) -> Option<f64> {
    let after = process.iter().position(|stop| stop.step as f64 >= step)?;
    let (a, b) = (process[after.saturating_sub(1)], process[after]);
    let span = (b.step - a.step).max(1) as f64;
    let fraction = ((step - a.step as f64) / span).clamp(0.0, 1.0);
    Some(a.t as f64 + fraction * (b.t as f64 - a.t as f64))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A process that begins at the time `start` and loses `by` each step.
    fn process(start: usize, by: usize) -> Process {
        (0..=start / by).map(|step| Stop { step, t: start - by * step }).collect()
    }

    #[test]
    fn a_late_start_waits_for_its_time() {
        let (whole, late) = (process(100, 1), process(40, 1));
        let stops = stops(&[&late, &whole], 5);
        assert_eq!(
            stops.iter().map(|s| (s.step, s.t)).collect::<Vec<_>>(),
            [(0, 100), (25, 75), (50, 50), (75, 25), (100, 0)]
        );
        assert_eq!(reached(&late, &stops).iter().map(|s| s.step).collect::<Vec<_>>(), [0, 0, 0, 15, 40]);
        assert_eq!(reached(&whole, &stops), stops);
        // Fewer steps over the same times: the last that is not past the time.
        let coarse: Vec<usize> = reached(&process(100, 20), &stops).iter().map(|s| s.t).collect();
        assert_eq!(coarse, [100, 80, 60, 40, 0]);
    }

    #[test]
    fn a_process_without_steps_has_one_stop() {
        let alone = vec![Stop { step: 0, t: 100 }];
        assert_eq!(stops(&[&alone], 101), alone);
        assert_eq!(reached(&alone, &process(100, 50)), vec![alone[0]; 3]);
        assert_eq!(stops(&[], 101), Vec::new());
    }

    #[test]
    fn times_between_steps_are_linear() {
        let sparse = vec![Stop { step: 0, t: 100 }, Stop { step: 10, t: 60 }, Stop { step: 20, t: 0 }];
        assert_eq!(
            [0.0, 2.5, 10.0, 15.0, 20.0].map(|s| time_of(&sparse, s)),
            [100.0, 90.0, 60.0, 30.0, 0.0].map(Some)
        );
        assert_eq!(time_of(&sparse, 21.0), None);
    }
}
