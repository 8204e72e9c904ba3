//! What only the namespace's leader can do or say.

use std::time::Duration;

use tonic::{Code, Request, Response, Status, transport::Channel};

use super::{
    super::{MAX_PASSED_BYTES, Office, desk_problem, patience, peers},
    AdminService,
};
use crate::{
    engine::{self, Answer, Engine},
    journal::LogError,
    proto::v1::wire::{Problem, admin_client::AdminClient, problem::Reason},
    server::Leader,
    types::{Mono, Namespace},
};

/// How often to look whether somebody leads by now.
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long the leader is waited for by who could do without what it knows.
pub(super) const GLANCE: Duration = Duration::from_millis(500);

/// A request, and how long its caller waits.
pub(super) struct Asked<M> {
    pub(super) message: M,
    since: Mono,
    patience: Duration,
    is_passed_on: bool,
}

/// What the replica that leads must have done before it can do something.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Needs {
    /// Read the namespace's history, and begun to run it.
    Engine,
    /// Nothing: it may be unable to.
    Leadership,
}

/// Where a namespace is led.
pub(super) enum Place {
    Here,
    At(AdminClient<Channel>),
}

impl<M> Asked<M> {
    pub(super) fn new(office: &Office, request: Request<M>) -> Self {
        Self {
            since: office.clock.now(),
            patience: patience::of(request.metadata()),
            is_passed_on: peers::is_passed_on(&request),
            message: request.into_inner(),
        }
    }

    /// What is left of the caller's time.
    pub(super) fn left(&self, office: &Office) -> Duration {
        self.patience.saturating_sub(office.clock.now().since(self.since))
    }

    /// Whether another replica has passed it on already.
    pub(super) const fn is_passed_on(&self) -> bool {
        self.is_passed_on
    }
}

impl AdminService {
    /// Lets the leader do it, be it this replica or another.
    pub(super) async fn change<M, R, F>(
        &self,
        asked: Asked<M>,
        namespace: &Namespace,
        request: engine::Request,
        there: impl FnOnce(AdminClient<Channel>, Request<M>) -> F + Send,
        answered: impl FnOnce(Answer) -> R + Send,
    ) -> Result<Response<R>, Status>
    where
        M: Send,
        F: Future<Output = Result<Response<R>, Status>> + Send,
    {
        match self.place(&asked, namespace, Needs::Engine).await? {
            Place::Here => {
                let answer = self.0.ask(namespace, request);
                match tokio::time::timeout(asked.left(&self.0), answer).await {
                    Ok(Ok(answer)) => Ok(Response::new(answered(answer))),
                    Ok(Err(problem)) => Err(problem.into_status()),
                    Err(_) => Err(unstored(namespace).into_status()),
                }
            }
            Place::At(leader) => {
                let left = asked.left(&self.0);
                there(leader, peers::pass_on(asked.message, left))
                    .await
                    .map_err(|status| told(namespace, status))
            }
        }
    }

    /// Lets the leader say what it knows, be it this replica or another.
    pub(super) async fn learn<M, R, F>(
        &self,
        asked: Asked<M>,
        namespace: &Namespace,
        here: impl FnOnce(Mono, &Engine) -> R + Send + 'static,
        there: impl FnOnce(AdminClient<Channel>, Request<M>) -> F + Send,
    ) -> Result<Response<R>, Status>
    where
        M: Send,
        R: Send + 'static,
        F: Future<Output = Result<Response<R>, Status>> + Send,
    {
        match self.place(&asked, namespace, Needs::Engine).await? {
            Place::Here => match self.look(namespace, here).await? {
                Some(known) => Ok(Response::new(known)),
                None => Err(self.0.not_leading(namespace).await.into_status()),
            },
            Place::At(leader) => {
                let left = asked.left(&self.0);
                there(leader, peers::pass_on(asked.message, left))
                    .await
                    .map_err(|status| told(namespace, status))
            }
        }
    }

    /// What the leader says, if that is another replica, it has not been asked yet, and it answers soon.
    pub(super) async fn glance<M, R, F>(
        &self,
        asked: &Asked<M>,
        namespace: &Namespace,
        there: impl FnOnce(AdminClient<Channel>, Request<M>) -> F + Send,
    ) -> Option<Response<R>>
    where
        M: Clone + Send + Sync,
        F: Future<Output = Result<Response<R>, Status>> + Send,
    {
        let leader = self.0.desk.leader(namespace).await.ok()??;
        if asked.is_passed_on || leader.is_here {
            return None;
        }
        let within = asked.left(&self.0).min(GLANCE);
        let answer = there(self.client(&leader)?, peers::pass_on(asked.message.clone(), within));
        tokio::time::timeout(within, answer).await.ok()?.ok()
    }

    /// Reads from the namespace's engine, if it is run here.
    pub(super) async fn look<R: Send + 'static>(
        &self,
        namespace: &Namespace,
        look: impl FnOnce(Mono, &Engine) -> R + Send + 'static,
    ) -> Result<Option<R>, Status> {
        let seen = self.0.desk.look_in(namespace, look).await;
        seen.map_err(|error| desk_problem(error).into_status())
    }

    pub(super) fn client(&self, leader: &Leader) -> Option<AdminClient<Channel>> {
        let channel = self.0.peers.at(&leader.address)?;
        Some(AdminClient::new(channel).max_decoding_message_size(MAX_PASSED_BYTES))
    }

    /// Waits until somebody leads, as long as the caller does.
    pub(super) async fn place<M>(
        &self,
        asked: &Asked<M>,
        namespace: &Namespace,
        needs: Needs,
    ) -> Result<Place, Status> {
        loop {
            let of = namespace.clone();
            let seen = self.0.desk.look(move |sight| {
                let trouble = sight.shown(&of).and_then(|shown| shown.trouble());
                (sight.leader(&of), sight.is_run(&of), trouble)
            });
            let (leader, is_run_here, trouble) =
                seen.await.map_err(|error| desk_problem(error).into_status())?;
            match leader {
                Some(leader) if is_run_here || leader.is_here && needs == Needs::Leadership => {
                    return Ok(Place::Here);
                }
                Some(leader) if leader.is_here => {
                    if let Some(error) = trouble {
                        return Err(in_trouble(namespace, &error).into_status());
                    }
                }
                Some(leader) if !asked.is_passed_on => {
                    if let Some(client) = self.client(&leader) {
                        return Ok(Place::At(client));
                    }
                }
                Some(_) | None => {}
            }
            if asked.left(&self.0) <= LOOK_EVERY {
                return Err(self.0.not_leading(namespace).await.into_status());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }
}

/// The namespace cannot be run, whoever leads it.
fn in_trouble(namespace: &Namespace, error: &LogError) -> Problem {
    let subject = format!("namespace \"{namespace}\"");
    let rule = format!("cannot be run: {error}");
    match error {
        LogError::NeedsAdoption(_) => Problem::new(Reason::NeedsAdoption, subject, rule)
            .remedy("adopt it, if this is the store that is meant"),
        LogError::Deleted => Problem::new(Reason::NoSuchNamespace, subject, "was deleted"),
        _ => Problem::new(Reason::StoreAway, subject, rule).remedy("look at the log of its leader"),
    }
}

pub(super) fn unstored(namespace: &Namespace) -> Problem {
    let subject = format!("the change of namespace \"{namespace}\"");
    let problem = Problem::new(Reason::TooLate, subject, "is decided, and not known to be stored yet");
    problem.remedy("ask again: done twice, it changes nothing more")
}

/// What a leader has refused is refused with its own words; one that was not reached has none.
pub(super) fn told(namespace: &Namespace, status: Status) -> Status {
    let is_lost = matches!(status.code(), Code::Unavailable | Code::Unknown | Code::Cancelled);
    if !is_lost || Problem::of_status(&status).is_some() {
        return status;
    }
    let subject = format!("the leader of namespace \"{namespace}\"");
    let problem = Problem::new(Reason::NotLeading, subject, format!("did not answer: {}", status.message()));
    problem.remedy("ask again").into_status()
}
