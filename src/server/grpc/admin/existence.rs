//! Namespaces come and go.

use std::{sync::Arc, time::Duration};

use tonic::{Code, Response, Status};

use super::{
    super::{desk_problem, peers},
    AdminService, done,
    leading::{Asked, GLANCE, Needs, Place, told, unstored},
    namespaces::{self, confirmed},
};
use crate::{
    clock::unix_millis,
    engine,
    journal::{LogError, Mode, OpenAs},
    lease::{ClockRates, MAX_LEASE},
    proto::{
        Invalid,
        v1::wire::{
            CreateNamespaceRequest, CreateNamespaceResponse, DeleteNamespaceRequest, DeleteNamespaceResponse,
            GetNamespaceRequest, Problem, problem::Reason,
        },
    },
    server::{Leader, MAX_NAMESPACES, Room, catalogue::CreateError},
    types::Namespace,
};

/// How often to look whether a namespace that was created is founded by now.
const LOOK_EVERY: Duration = Duration::from_millis(20);

impl AdminService {
    pub(super) async fn create(
        &self,
        asked: Asked<CreateNamespaceRequest>,
    ) -> Result<Response<CreateNamespaceResponse>, Status> {
        let namespace = Namespace::new(&asked.message.namespace);
        let namespace = namespace.map_err(|error| Invalid::name("namespace", error))?;
        let founding = Arc::new(namespaces::config(asked.message.config.clone())?);
        if self.0.rooms.get(&namespace).is_some() {
            return Err(not_created(&namespace, &CreateError::Exists).into_status());
        }
        if self.0.rooms.names().len() >= MAX_NAMESPACES {
            let problem =
                Problem::new(Reason::TooMany, "namespaces", format!("are {MAX_NAMESPACES} already"));
            return Err(problem.remedy("delete some that are not needed").into_status());
        }
        let creation = self.0.catalogue.create(&namespace, &founding);
        match tokio::time::timeout(asked.left(&self.0), creation).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => return Err(not_created(&namespace, &error).into_status()),
            Err(_) => return Err(unstored(&namespace).into_status()),
        }
        loop {
            let room = self.0.rooms.get(&namespace);
            let version = room.and_then(|room| room.read(|state| state.map(engine::State::version)));
            if version.is_some() || asked.left(&self.0) <= LOOK_EVERY {
                return Ok(Response::new(CreateNamespaceResponse { version: version.map(Into::into) }));
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
    }

    pub(super) async fn delete(
        &self,
        asked: Asked<DeleteNamespaceRequest>,
    ) -> Result<Response<DeleteNamespaceResponse>, Status> {
        let (namespace, room) = self.0.namespace(&asked.message.namespace)?;
        confirmed(&namespace, &asked.message.confirm)?;
        match self.place(&asked, &namespace, Needs::Leadership).await? {
            Place::Here => {
                self.check_unnamed(&namespace).await?;
                self.run_here(&asked, &namespace, &room).await?;
                let answer = self.0.ask(&namespace, engine::Request::Delete);
                let answer = tokio::time::timeout(asked.left(&self.0), answer).await;
                let answer = answer.map_err(|_| unstored(&namespace).into_status())?;
                if !answer.as_ref().is_err_and(|problem| problem.reason() != Reason::NoSuchNamespace) {
                    forgotten(&room, asked.left(&self.0)).await;
                }
                let version = match answer {
                    Ok(answer) => done(&answer),
                    // The watch was faster than the store's answer, or another operator was.
                    Err(_) if room.is_gone() => self.0.catalogue.deleted_at(&namespace).await.map(Into::into),
                    Err(problem) => return Err(problem.into_status()),
                };
                Ok(Response::new(DeleteNamespaceResponse { version }))
            }
            Place::At(mut leader) => {
                let left = asked.left(&self.0);
                let answer = leader.delete_namespace(peers::pass_on(asked.message.clone(), left)).await;
                let answer = answer.map_err(|status| told(&namespace, status))?;
                forgotten(&room, asked.left(&self.0)).await;
                Ok(answer)
            }
        }
    }

    /// Waits until the namespace's engine runs here. One whose head cannot be read begins anew for that: whoever deletes it
    /// wants nothing of what was there.
    async fn run_here<M>(&self, asked: &Asked<M>, namespace: &Namespace, room: &Room) -> Result<(), Status> {
        let away = |error| desk_problem(error).into_status();
        let standing = self.0.desk.standing(namespace).await.map_err(away)?;
        if !matches!(standing.trouble, Some(LogError::Unreadable(_))) {
            return self.place(asked, namespace, Needs::Engine).await.map(|_| ());
        }
        let of = namespace.clone();
        let look = self.0.desk.look(move |sight| sight.election.longest_lease(&of));
        let leader_lease = look.await.map_err(away)?;
        let known = room.read(|state| state.map(|state| state.adoption_wait(Duration::ZERO, leader_lease)));
        let rates = ClockRates::DEFAULT;
        let wait = known.unwrap_or_else(|| rates.listening(MAX_LEASE) + rates.listening(leader_lease));
        let open_as = OpenAs { mode: Mode::Reset { wait }, seen: None, unix_millis: unix_millis() };
        self.0.desk.open(namespace, open_as).map_err(away)?;
        while self.look(namespace, |_, _| ()).await?.is_none() {
            if asked.left(&self.0) <= LOOK_EVERY {
                return Err(self.0.not_leading(namespace).await.into_status());
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    }

    /// No settings file of a replica that lives may name it: that replica would found it anew when it starts again.
    async fn check_unnamed(&self, namespace: &Namespace) -> Result<(), Status> {
        if self.0.named.contains(namespace) {
            return Err(is_named(namespace, &self.0.name).into_status());
        }
        let me = self.0.name.clone();
        let living = self.0.desk.look(move |sight| {
            let others = sight.election.living(sight.now).filter(|(name, _)| *name != &*me);
            let other = |(replica, address): (&str, &str)| Leader {
                replica: replica.into(),
                address: address.into(),
                is_here: false,
            };
            others.map(other).collect::<Vec<_>>()
        });
        for other in living.await.map_err(|error| desk_problem(error).into_status())? {
            let unasked = |why: &str| {
                let subject = format!("replica \"{}\"", other.replica);
                let rule = format!("cannot be asked whether its settings name it: {why}");
                Problem::new(Reason::NotLeading, subject, rule).remedy("ask again").into_status()
            };
            let mut client = self.client(&other).ok_or_else(|| unasked("its address is none"))?;
            let request = GetNamespaceRequest { namespace: namespace.to_string() };
            match client.get_namespace(peers::pass_on(request, GLANCE)).await {
                Ok(answer) => {
                    if answer.into_inner().namespace.is_some_and(|namespace| namespace.in_settings) {
                        return Err(is_named(namespace, &other.replica).into_status());
                    }
                }
                Err(status) if status.code() == Code::NotFound => {}
                Err(status) => return Err(unasked(status.message())),
            }
        }
        Ok(())
    }
}

/// Waits until this replica has forgotten the namespace, but no longer than the caller does.
async fn forgotten(room: &Room, within: Duration) {
    let mut versions = room.versions();
    let gone = async {
        while !room.is_gone() {
            if versions.changed().await.is_err() {
                return;
            }
        }
    };
    let _ = tokio::time::timeout(within, gone).await;
}

fn is_named(namespace: &Namespace, replica: &str) -> Problem {
    let subject = format!("namespace \"{namespace}\"");
    let rule = format!("is named by the settings of replica \"{replica}\", which would found it anew");
    Problem::new(Reason::InSettings, subject, rule)
        .remedy("take it out of them, and start that replica again")
}

fn not_created(namespace: &Namespace, error: &CreateError) -> Problem {
    let subject = format!("namespace \"{namespace}\"");
    match error {
        CreateError::Exists => Problem::new(Reason::Exists, subject, "exists").remedy("configure it instead"),
        CreateError::HasHistory => Problem::new(Reason::Exists, subject, error.to_string())
            .remedy("name it in a replica's settings file, and it goes on"),
        CreateError::Unreadable(_) | CreateError::Raced | CreateError::Store(_) => {
            Problem::new(Reason::StoreAway, subject, format!("was not created: {error}")).remedy("ask again")
        }
    }
}
