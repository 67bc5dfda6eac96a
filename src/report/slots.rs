//! How long runs take that go on side by side, when threads without a run help the others.

/// Seconds until runs are done of which `slots` go on at a time, begun in this order. Each has seconds of stages that take
/// one thread, and after these seconds, counted on one thread, of stages that threads without a run help with.
pub fn of_slots(slots: usize, runs: impl IntoIterator<Item = [f64; 2]>) -> f64 {
    let mut waiting = runs.into_iter();
    let mut active: Vec<[f64; 2]> = waiting.by_ref().take(slots).collect();
    let mut time = 0.0;
    while !active.is_empty() {
        let alone = active.iter().filter(|run| run[0] > 0.0).count();
        let speed = (slots - alone) as f64 / (active.len() - alone).max(1) as f64;
        let left = |[alone, shared]: [f64; 2]| if alone > 0.0 { alone } else { shared / speed };
        let step = active.iter().map(|run| left(*run)).fold(f64::INFINITY, f64::min);
        time += step;
        for run in &mut active {
            let (stage, passed) = if run[0] > 0.0 { (0, step) } else { (1, step * speed) };
            // The one that was shortest is over, whatever the rounding.
            run[stage] = if left(*run) <= step { 0.0 } else { run[stage] - passed };
        }
        active.retain(|run| run[0] > 0.0 || run[1] > 0.0);
        active.extend(waiting.by_ref().take(slots - active.len()));
    }
    time
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(slots: usize, runs: &[[f64; 2]]) -> f64 {
        of_slots(slots, runs.iter().copied())
    }

    #[test]
    fn threads_without_a_run_help_the_others() {
        let close = |found: f64, wanted: f64| assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
        // Two trainings of 4 s, then 6 s of sampling on both threads.
        close(time(2, &[[4.0, 0.0], [4.0, 6.0]]), 7.0);
        // Two samplings of 2 s; the third run trains on one thread and samples on both.
        close(time(2, &[[0.0, 2.0], [0.0, 2.0], [5.0, 1.0]]), 7.5);
        close(time(1, &[[1.0, 2.0], [3.0, 4.0]]), 10.0);
        close(time(3, &[[0.0, 6.0]]), 2.0);
        // A run that trains beside one that samples takes its own thread only.
        close(time(3, &[[4.0, 0.0], [0.0, 4.0]]), 4.0);
        assert_eq!((time(2, &[]), time(2, &[[0.0, 0.0]])), (0.0, 0.0));
    }
}
