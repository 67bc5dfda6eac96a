//! Which run comes next. Of the runs that need the same trained network the first trains it, and the others wait until
//! it is over, so that no training is done twice.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a training is: its key and replicate.
pub type Training = (String, usize);

/// A run that is to be done.
#[derive(Debug, Clone)]
pub struct Work {
    /// Its index.
    pub run: usize,
    /// What it trains; none where it trains nothing.
    pub training: Option<Training>,
    /// Runs of one shape can go in lockstep; a run without a shape goes alone.
    pub shape: Option<String>,
}

/// What a thread is to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Next {
    /// These runs, in lockstep; usually one.
    Runs(Vec<usize>),
    /// Wait for a run that has begun, as the runs that are left need its network.
    Wait,
    /// Nothing, as no run is left.
    Nothing,
}

/// The runs that are still to do.
pub struct Queue {
    state: Mutex<State>,
    /// What each run trains.
    trainings: HashMap<usize, Training>,
    /// The shape of each run that may go in lockstep, and how many may at most.
    shapes: HashMap<usize, String>,
    in_lockstep: usize,
}

#[derive(Default)]
struct State {
    ready: VecDeque<usize>,
    /// Runs that wait for a training that is ready or has begun.
    waiting: HashMap<Training, VecDeque<usize>>,
}

impl Queue {
    /// Runs in the order in which they are to be done, and how many may go in lockstep.
    pub fn new(runs: impl Iterator<Item = Work>, in_lockstep: usize) -> Self {
        let (mut state, mut trainings, mut begun) = (State::default(), HashMap::new(), HashSet::new());
        let mut shapes = HashMap::new();
        for Work { run, training, shape } in runs {
            shapes.extend(shape.map(|shape| (run, shape)));
            match training {
                Some(training) => {
                    if begun.insert(training.clone()) {
                        state.ready.push_back(run);
                    } else {
                        state.waiting.entry(training.clone()).or_default().push_back(run);
                    }
                    trainings.insert(run, training);
                }
                None => state.ready.push_back(run),
            }
        }
        Self { state: Mutex::new(state), trainings, shapes, in_lockstep }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next runs for a thread.
    pub fn next(&self) -> Next {
        let mut state = self.state();
        let Some(first) = state.ready.pop_front() else {
            return if state.waiting.is_empty() { Next::Nothing } else { Next::Wait };
        };
        let mut group = vec![first];
        if let Some(shape) = self.shapes.get(&first) {
            state.ready.retain(|run| {
                let joins = group.len() < self.in_lockstep && self.shapes.get(run) == Some(shape);
                if joins {
                    group.push(*run);
                }
                !joins
            });
        }
        Next::Runs(group)
    }

    /// Notes that a run is over. If it has trained what others wait for, they are next; if it failed, one of them
    /// tries.
    pub fn over(&self, run: usize, done: bool) {
        let Some(training) = self.trainings.get(&run) else { return };
        let mut state = self.state();
        let Some(mut others) = state.waiting.remove(training) else { return };
        if done {
            others.into_iter().rev().for_each(|other| state.ready.push_front(other));
        } else if let Some(next) = others.pop_front() {
            state.ready.push_front(next);
            if !others.is_empty() {
                state.waiting.insert(training.clone(), others);
            }
        }
    }

    /// Drops all runs that have not begun.
    pub fn stop(&self) {
        *self.state() = State::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(trainings: &[Option<&str>], in_lockstep: usize) -> Queue {
        let work = |(run, training): (usize, &Option<&str>)| Work {
            run,
            training: training.map(|name| (name.to_string(), 0)),
            shape: training.map(|_| "shape".to_string()).filter(|_| in_lockstep > 1),
        };
        Queue::new(trainings.iter().enumerate().map(work), in_lockstep)
    }

    fn runs(indices: &[usize]) -> Next {
        Next::Runs(indices.to_vec())
    }

    #[test]
    fn runs_of_one_training_wait_for_the_first_and_come_next() {
        let queue = queue(&[Some("a"), Some("a"), Some("b"), None, Some("a")], 1);
        assert_eq!([queue.next(), queue.next(), queue.next()], [runs(&[0]), runs(&[2]), runs(&[3])]);
        assert_eq!(queue.next(), Next::Wait);
        queue.over(2, true);
        assert_eq!(queue.next(), Next::Wait);
        queue.over(0, true);
        assert_eq!([queue.next(), queue.next()], [runs(&[1]), runs(&[4])]);
        queue.over(1, true);
        assert_eq!(queue.next(), Next::Nothing);
    }

    #[test]
    fn after_a_failure_one_of_the_others_tries() {
        let queue = queue(&[Some("a"), Some("a"), Some("a")], 1);
        assert_eq!(queue.next(), runs(&[0]));
        queue.over(0, false);
        assert_eq!([queue.next(), queue.next()], [runs(&[1]), Next::Wait]);
        queue.over(1, false);
        assert_eq!(queue.next(), runs(&[2]));
        queue.over(2, false);
        assert_eq!(queue.next(), Next::Nothing);
    }

    #[test]
    fn a_stop_leaves_nothing_to_wait_for() {
        let queue = queue(&[Some("a"), Some("a"), None], 1);
        assert_eq!(queue.next(), runs(&[0]));
        queue.stop();
        assert_eq!(queue.next(), Next::Nothing);
        queue.over(0, true);
        assert_eq!(queue.next(), Next::Nothing);
    }

    #[test]
    fn runs_of_one_shape_go_in_lockstep_but_no_training_twice() {
        let queue = queue(&[Some("a"), Some("a"), None, Some("b"), Some("c"), Some("d")], 3);
        assert_eq!([queue.next(), queue.next(), queue.next()], [runs(&[0, 3, 4]), runs(&[2]), runs(&[5])]);
        queue.over(0, true);
        assert_eq!([queue.next(), queue.next()], [runs(&[1]), Next::Nothing]);
    }
}
