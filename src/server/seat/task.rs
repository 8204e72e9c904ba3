//! The task of a namespace.

use std::{panic::resume_unwind, sync::Arc};

use tokio::{sync::mpsc, task::JoinSet};

use super::{Command, Due, Inbox, Input, Seat, Sitter, Word};
use crate::{
    clock::Clock,
    replica::place::{Call, Event},
    server::desk::ask,
    store::{Reply, Store},
    types::Namespace,
};

/// Who has as many shards decides where nobody waits for a thread of the runtime. A round of planning takes about 1 µs for
/// each, so that all others wait for 10 ms at the most.
pub(super) const LARGE: usize = 8192;
/// Inputs that are handled before anything else gets a turn.
const MAX_BURST: usize = 64;

/// What a namespace's task tells the desk.
pub(in crate::server) type Said = (Namespace, Word);

/// Decides for the namespace, until nobody can say anything to it any more.
pub(in crate::server) async fn occupy(
    seat: Seat,
    store: Arc<dyn Store>,
    inbox: Arc<Inbox>,
    mut commands: mpsc::Receiver<Command>,
    desk: mpsc::Sender<Said>,
) {
    let (namespace, clock) = (seat.namespace.clone(), seat.clock.clone());
    let mut sitter = Box::new(Sitter::new(seat));
    let mut calls = JoinSet::new();
    loop {
        let mut burst = wait(&sitter, &*clock, &inbox, &mut calls, &mut commands).await;
        if burst.is_empty() {
            return;
        }
        gather(&mut burst, &inbox, &mut calls, &mut commands);
        let due;
        (sitter, due) = hear(sitter, burst).await;
        for (call, request, within) in due.asks {
            let asking = ask(store.clone(), request, within);
            calls.spawn(async move { (call, asking.await) });
        }
        for word in due.words {
            // Without a desk there are no elections.
            let _ = desk.send((namespace.clone(), word)).await;
        }
    }
}

/// What happens next. Nothing: nobody can say anything any more.
async fn wait(
    sitter: &Sitter,
    clock: &dyn Clock,
    inbox: &Inbox,
    calls: &mut JoinSet<(Call, Reply)>,
    commands: &mut mpsc::Receiver<Command>,
) -> Vec<Input> {
    loop {
        let news: Vec<_> = inbox.take().map(Input::Event).collect();
        if !news.is_empty() {
            return news;
        }
        let wake = sitter.seat.place.next_wake().map(|wake| wake.since(clock.now()));
        let input = tokio::select! {
            biased;
            Some(reply) = calls.join_next() => match reply {
                Ok((call, reply)) => Input::Event(Event::Replied(call, reply)),
                Err(_) => continue,
            },
            () = inbox.filled() => continue,
            () = tokio::time::sleep(wake.unwrap_or_default()), if wake.is_some() => Input::Event(Event::Woke),
            command = commands.recv() => match command {
                Some(command) => Input::Command(command),
                None => return Vec::new(),
            },
        };
        return vec![input];
    }
}

/// What else has happened: many at once cost less than one by one.
fn gather(
    burst: &mut Vec<Input>,
    inbox: &Inbox,
    calls: &mut JoinSet<(Call, Reply)>,
    commands: &mut mpsc::Receiver<Command>,
) {
    let replies = std::iter::from_fn(|| calls.try_join_next()).flatten();
    burst.extend(replies.map(|(call, reply)| Input::Event(Event::Replied(call, reply))));
    burst.extend(inbox.take().map(Input::Event));
    let more = std::iter::from_fn(|| commands.try_recv().ok());
    burst.extend(more.take(MAX_BURST).map(Input::Command));
}

/// A large one is heard on a thread of its own.
async fn hear(mut sitter: Box<Sitter>, burst: Vec<Input>) -> (Box<Sitter>, Due) {
    if sitter.seat.place.size() < LARGE {
        let due = sitter.take(burst);
        return (sitter, due);
    }
    let heard = tokio::task::spawn_blocking(move || {
        let due = sitter.take(burst);
        (sitter, due)
    });
    match heard.await {
        Ok(heard) => heard,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => resume_unwind(panic),
            // The runtime is ending.
            Err(_) => std::future::pending().await,
        },
    }
}
