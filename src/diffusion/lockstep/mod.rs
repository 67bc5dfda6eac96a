//! Several runs that train and sample in step, as one tensor program where that is faster. Each run goes through its
//! own stages on a thread of its own and does not know of the others: it asks its [`Member`] for an iteration or a
//! prediction, and the last of the members to ask computes it for all of them.
//!
//! A member that is over, or has failed, leaves; the others go on without it.

mod meeting;

use self::meeting::Meeting;
use super::{
    BackendChoice, Batch, Denoiser, DiffusionError, LossTerms, Network, NetworkDenoiser, Outputs,
    ReverseStep, Training, TrainingJob,
};
use crate::diffusion::denoiser::RealTimeDenoiser;
use ndarray::{Array2, ArrayView2, Axis, concatenate};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs in lockstep; a single run is the usual case.
pub struct Lockstep {
    members: usize,
    trainings: Meeting<TrainingJob, Joined>,
    predictions: Meeting<Question, Result<Array2<f64>, DiffusionError>>,
    /// The networks of the members that asked last, as one denoiser.
    joined: Mutex<Option<(Vec<usize>, NetworkDenoiser)>>,
}

/// What a member asks: its network's outputs for its points at a step.
struct Question {
    denoiser: NetworkDenoiser,
    x: Array2<f64>,
    t: usize,
    outputs: Outputs,
}

impl Question {
    /// What must be the same for questions to be answered together.
    fn shape(&self) -> (usize, Outputs, (usize, usize)) {
        (self.t, self.outputs, self.x.dim())
    }

    /// The answer to this question alone.
    fn answer(&self) -> Result<Array2<f64>, DiffusionError> {
        self.denoiser.predict(self.x.view(), self.t, self.outputs)
    }
}

/// A training that a member has joined.
type Joined = Result<(Arc<Shared>, usize), DiffusionError>;

/// A training of several members.
struct Shared {
    training: Mutex<Training>,
    steps: Meeting<(), Result<LossTerms, DiffusionError>>,
}

impl Lockstep {
    /// So many runs.
    pub fn new(members: usize) -> Self {
        Self {
            members,
            trainings: Meeting::new(members),
            predictions: Meeting::new(members),
            joined: Mutex::new(None),
        }
    }

    /// The runs, each of which must ask or be dropped for the others to go on.
    pub fn members(&self) -> Vec<Member<'_>> {
        (0..self.members).map(|index| Member { lockstep: self, index }).collect()
    }
}

/// One of the runs in lockstep.
pub struct Member<'a> {
    lockstep: &'a Lockstep,
    index: usize,
}

impl Drop for Member<'_> {
    fn drop(&mut self) {
        self.lockstep.trainings.leave(self.index);
        self.lockstep.predictions.leave(self.index);
    }
}

impl Member<'_> {
    /// Begins a training, or goes on with it. Members whose trainings have done equally many iterations go on in step;
    /// those that take a network over from elsewhere must say so with [`skip_training`](Self::skip_training).
    ///
    /// # Errors
    /// If the members' trainings are not alike, or the device fails.
    pub fn train(&self, job: TrainingJob) -> Result<TrainingHandle, DiffusionError> {
        let joined = self.lockstep.trainings.meet(self.index, job, &join);
        self.lockstep.trainings.leave(self.index);
        let (shared, index) = joined?;
        Ok(TrainingHandle { shared, index })
    }

    /// Notes that this member trains nothing.
    pub fn skip_training(&self) {
        self.lockstep.trainings.leave(self.index);
    }

    /// A denoiser that asks all members' networks at once.
    pub fn denoiser(&self, own: NetworkDenoiser) -> LockstepDenoiser<'_> {
        LockstepDenoiser { member: self, own }
    }
}

/// Trainings in groups of equal iterations and dimensions, each group as one.
fn join(jobs: Vec<(usize, TrainingJob)>) -> Vec<Joined> {
    let count = jobs.len();
    let mut groups: BTreeMap<(usize, usize), (Vec<usize>, Vec<TrainingJob>)> = BTreeMap::new();
    for (place, (_, job)) in jobs.into_iter().enumerate() {
        let (places, jobs) = groups.entry((job.iteration(), job.dim())).or_default();
        places.push(place);
        jobs.push(job);
    }
    let mut joined: Vec<Option<Joined>> = (0..count).map(|_| None).collect();
    for (places, jobs) in groups.into_values() {
        let members = jobs.len();
        match Training::new(jobs, BackendChoice::Auto) {
            Ok(training) => {
                let steps = Meeting::new(members);
                let shared = Arc::new(Shared { training: Mutex::new(training), steps });
                for (index, place) in places.into_iter().enumerate() {
                    joined[place] = Some(Ok((Arc::clone(&shared), index)));
                }
            }
            Err(error) => {
                let text = error.to_string();
                let mut first = Some(error);
                for place in places {
                    let error = first.take().unwrap_or_else(|| DiffusionError::Option(text.clone()));
                    joined[place] = Some(Err(error));
                }
            }
        }
    }
    joined.into_iter().map(|joined| joined.expect("each job is in one group")).collect()
}

/// A training as one of its members sees it.
pub struct TrainingHandle {
    shared: Arc<Shared>,
    index: usize,
}

impl Drop for TrainingHandle {
    fn drop(&mut self) {
        self.shared.steps.leave(self.index);
    }
}

impl TrainingHandle {
    fn training(&self) -> MutexGuard<'_, Training> {
        self.shared.training.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Iterations done.
    pub fn iteration(&self) -> usize {
        self.training().iteration()
    }

    /// One iteration.
    ///
    /// # Errors
    /// If the loss is infinite or NaN, or the device fails.
    pub fn step(&mut self) -> Result<LossTerms, DiffusionError> {
        let step = |members: Vec<(usize, ())>| {
            let outcome = self.training().step();
            match outcome {
                Ok(terms) => {
                    let mut terms: Vec<Option<_>> = terms.into_iter().map(Some).collect();
                    let own = |(i, ()): (usize, ())| terms[i].take().expect("each member has its own terms");
                    members.into_iter().map(own).collect()
                }
                Err(error) => {
                    let text = error.to_string();
                    members.iter().map(|_| Err(DiffusionError::Option(text.clone()))).collect()
                }
            }
        };
        self.shared.steps.meet(self.index, (), &step)
    }

    /// Calls `look` with the batch of the iteration done last.
    pub fn with_last_batch<T>(&self, look: impl FnOnce(&Batch) -> T) -> T {
        look(self.training().last_batch(self.index))
    }

    /// Everything needed to go on later.
    ///
    /// # Errors
    /// If the device or memory fails.
    pub fn checkpoint(&self) -> Result<Vec<u8>, DiffusionError> {
        self.training().checkpoint(self.index)
    }

    /// The network as it is after the iterations so far, with the moving average of its parameters where there is one.
    ///
    /// # Errors
    /// If its parameters became infinite or NaN, or the device or memory fails.
    pub fn network(&self) -> Result<Network, DiffusionError> {
        self.training().trained_network(self.index)
    }
}

/// A network of a member, asked together with those of the others.
pub struct LockstepDenoiser<'a> {
    member: &'a Member<'a>,
    own: NetworkDenoiser,
}

impl LockstepDenoiser<'_> {
    fn predict(&self, x: ArrayView2<f64>, t: usize, outputs: Outputs) -> Result<Array2<f64>, DiffusionError> {
        let Member { lockstep, index } = self.member;
        if lockstep.members == 1 {
            return self.own.predict(x, t, outputs);
        }
        let question = Question { denoiser: self.own.clone(), x: x.to_owned(), t, outputs };
        lockstep.predictions.meet(*index, question, &|questions| lockstep.answer(questions))
    }
}

impl Denoiser for LockstepDenoiser<'_> {
    fn predict_noise(&self, x: ArrayView2<f64>, t: usize) -> Result<Array2<f64>, DiffusionError> {
        self.predict(x, t, Outputs::Noise)
    }

    fn predict_with_variance(
        &self,
        x: ArrayView2<f64>,
        step: &ReverseStep,
    ) -> Result<(Array2<f64>, Array2<f64>), DiffusionError> {
        Ok(step.learned(&self.predict(x, step.t, Outputs::NoiseAndVariance)?))
    }

    fn waits_for_others(&self) -> bool {
        self.member.lockstep.members > 1
    }

    /// Its own network alone: the others need not ask at the same times.
    fn at_real_times(&self) -> Result<Box<dyn RealTimeDenoiser + '_>, DiffusionError> {
        self.own.at_real_times()
    }
}

impl Lockstep {
    /// The outputs for the points of all members that ask. They are asked apart where they ask of different steps or with
    /// different numbers of points, as members of one shape do not.
    fn answer(&self, questions: Vec<(usize, Question)>) -> Vec<Result<Array2<f64>, DiffusionError>> {
        let alike = questions.windows(2).all(|pair| pair[0].1.shape() == pair[1].1.shape());
        if !alike {
            return questions.into_iter().map(|(_, question)| question.answer()).collect();
        }
        let answered = self.answer_together(&questions);
        match answered {
            Ok(all) => all.into_iter().map(Ok).collect(),
            Err(error) => {
                let text = error.to_string();
                questions.iter().map(|_| Err(DiffusionError::Option(text.clone()))).collect()
            }
        }
    }

    fn answer_together(&self, questions: &[(usize, Question)]) -> Result<Vec<Array2<f64>>, DiffusionError> {
        let members: Vec<usize> = questions.iter().map(|(member, _)| *member).collect();
        let mut joined = self.joined.lock().unwrap_or_else(PoisonError::into_inner);
        if joined.as_ref().is_none_or(|(who, _)| *who != members) {
            let denoisers: Vec<&NetworkDenoiser> = questions.iter().map(|(_, q)| &q.denoiser).collect();
            *joined = Some((members, NetworkDenoiser::joined(&denoisers, BackendChoice::Auto)?));
        }
        let (_, denoiser) = joined.as_ref().expect("it was set just now");
        let views: Vec<ArrayView2<f64>> = questions.iter().map(|(_, q)| q.x.view()).collect();
        let x = concatenate(Axis(0), &views).expect("all points have the same dimensions");
        let Question { t, outputs, .. } = questions[0].1;
        let found = denoiser.predict(x.view(), t, outputs)?;
        let rows = questions[0].1.x.nrows();
        Ok(found.axis_chunks_iter(Axis(0), rows.max(1)).map(|part| part.to_owned()).collect())
    }
}
