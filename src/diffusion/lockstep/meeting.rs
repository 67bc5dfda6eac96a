//! A place where several threads meet, and one of them computes for all.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

/// A place where members meet: each brings an input, and takes away its output once all that are left have come.
pub(super) struct Meeting<I, O> {
    state: Mutex<State<I, O>>,
    changed: Condvar,
}

struct State<I, O> {
    /// Whether a member still takes part.
    live: Vec<bool>,
    inputs: Vec<Option<I>>,
    outputs: Vec<Option<O>>,
}

impl<I, O> Meeting<I, O> {
    /// A meeting of so many members.
    pub(super) fn new(members: usize) -> Self {
        let none = |_| None;
        let outputs = (0..members).map(|_| None).collect();
        let state = State { live: vec![true; members], inputs: (0..members).map(none).collect(), outputs };
        Self { state: Mutex::new(state), changed: Condvar::new() }
    }

    fn state(&self) -> MutexGuard<'_, State<I, O>> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Brings the input of a member, and waits for its output. `compute` makes the outputs of the inputs of all members
    /// that are left, by member, in the same order; whoever notices that all are there calls it.
    pub(super) fn meet(&self, member: usize, input: I, compute: &dyn Fn(Vec<(usize, I)>) -> Vec<O>) -> O {
        let mut state = self.state();
        state.inputs[member] = Some(input);
        loop {
            if let Some(output) = state.outputs[member].take() {
                return output;
            }
            let State { live, inputs, .. } = &mut *state;
            if live.iter().zip(inputs.iter()).all(|(live, input)| !live || input.is_some()) {
                let all = inputs.iter_mut().enumerate().filter_map(|(i, input)| Some((i, input.take()?)));
                let all: Vec<(usize, I)> = all.collect();
                let members: Vec<usize> = all.iter().map(|(i, _)| *i).collect();
                for (i, output) in members.into_iter().zip(compute(all)) {
                    state.outputs[i] = Some(output);
                }
                // Alone there is nobody to wake, which would cost a call of the system at each iteration.
                if state.live.len() > 1 {
                    self.changed.notify_all();
                }
                continue;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Notes that a member comes no more.
    pub(super) fn leave(&self, member: usize) {
        self.state().live[member] = false;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_that_are_left_meet_and_each_takes_its_own_away() {
        let meeting: Meeting<usize, usize> = Meeting::new(3);
        let compute = |inputs: Vec<(usize, usize)>| {
            let sum: usize = inputs.iter().map(|(_, v)| v).sum();
            inputs.iter().map(|(i, _)| 100 * sum + i).collect()
        };
        let answers = std::thread::scope(|scope| {
            let run = |member: usize| {
                let (meeting, compute) = (&meeting, &compute);
                scope.spawn(move || {
                    let rounds = if member == 1 { 1 } else { 3 };
                    let answers: Vec<usize> =
                        (0..rounds).map(|round| meeting.meet(member, member + 10 * round, compute)).collect();
                    meeting.leave(member);
                    answers
                })
            };
            let threads: Vec<_> = (0..3).map(run).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        // Round 0: 0 + 1 + 2; without member 1: 10 + 12, then 20 + 22.
        assert_eq!(answers, [vec![300, 2200, 4200], vec![301], vec![302, 2202, 4202]]);
    }
}
