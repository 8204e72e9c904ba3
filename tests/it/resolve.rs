//! Asking the distributor about keys that nobody knew.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use shardway::clock::ManualClock;
use shardway::policy::RoutingPolicy;
use shardway::resolver::{
    AskError, AskLimits, MemoryOwners, OwnerMapError, OwnerSink, OwnerSource, OwnerSourceError, ResolveError,
    Resolver,
};
use shardway::types::{Member, Namespace, ShardKey, Token};
use tokio::sync::Semaphore;

const SECOND: Duration = Duration::from_secs(1);

/// A distributor in memory that creates what it is asked for, counts questions, and answers when it is let.
struct Asked {
    owners: MemoryOwners,
    questions: AtomicUsize,
    let_answer: Semaphore,
}

impl Asked {
    fn new(creates: bool) -> Arc<Self> {
        let owners = MemoryOwners::answering(move |key, edit, version| {
            if !creates {
                return Err(AskError::NotFound);
            }
            let token = Token { incarnation: version.incarnation, generation: version.generation };
            edit.assign(key.clone(), &Member::new("10.0.0.1:7933").unwrap(), token);
            Ok(())
        });
        owners.edit(|_, _| Ok::<_, OwnerMapError>(())).unwrap();
        Arc::new(Self { owners, questions: AtomicUsize::new(0), let_answer: Semaphore::new(0) })
    }

    fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }
}

impl OwnerSource for Asked {
    fn kind(&self) -> &'static str {
        "asked"
    }

    fn start(&self, sink: Arc<dyn OwnerSink>) -> Result<(), OwnerSourceError> {
        self.owners.start(sink)
    }

    fn stop(&self) {
        self.owners.stop();
    }

    fn ask<'a>(
        &'a self,
        key: &'a ShardKey,
        within: Duration,
    ) -> Pin<Box<dyn Future<Output = Result<(), AskError>> + Send + 'a>> {
        Box::pin(async move {
            self.questions.fetch_add(1, Ordering::SeqCst);
            self.let_answer.acquire().await.unwrap().forget();
            self.owners.ask(key, within).await
        })
    }
}

/// A resolver with everything at its default, and the distributor that it asks.
fn asking() -> (Arc<Asked>, Resolver) {
    let source = Asked::new(true);
    let resolver = resolver(source.clone(), Arc::default(), AskLimits::default());
    (source, resolver)
}

fn resolver(source: Arc<dyn OwnerSource>, clock: Arc<ManualClock>, limits: AskLimits) -> Resolver {
    let policy = RoutingPolicy::builder().mode("shard_distributor").build().unwrap();
    let builder = Resolver::builder(Namespace::new("matching").unwrap()).policy(policy).owners(source);
    let resolver = builder.clock(clock).ask_limits(limits).build();
    resolver.start().unwrap();
    resolver
}

#[tokio::test(start_paused = true)]
async fn callers_of_one_key_share_one_question() {
    let (source, resolver) = asking();
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.resolve("new", SECOND).await })
        })
        .collect();
    tokio::task::yield_now().await;
    source.let_answer.add_permits(50);
    for caller in callers {
        assert_eq!(caller.await.unwrap().unwrap().address(), "10.0.0.1:7933");
    }
    assert_eq!(source.questions(), 1);
    assert_eq!(resolver.resolve("new", SECOND).await.unwrap().token().unwrap().incarnation, 1);
    assert_eq!(source.questions(), 1, "it is in the map now");
}

#[tokio::test(start_paused = true)]
async fn a_caller_waits_no_longer_than_its_own_deadline() {
    let (source, resolver) = asking();
    let patient = {
        let resolver = resolver.clone();
        tokio::spawn(async move { resolver.resolve("new", 4 * SECOND).await })
    };
    let started = tokio::time::Instant::now();
    let error = resolver.resolve("new", SECOND).await.unwrap_err();
    assert!(matches!(error, ResolveError::DeadlineExceeded { .. }), "{error}");
    assert_eq!(started.elapsed(), SECOND);
    source.let_answer.add_permits(1);
    assert!(patient.await.unwrap().is_ok(), "the impatient caller's leaving ended nothing");
    assert_eq!(source.questions(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_distributor_that_never_answers_costs_the_timeout_and_is_asked_again() {
    let (source, resolver) = asking();
    let error = resolver.resolve("new", 60 * SECOND).await.unwrap_err();
    assert_eq!(error, ResolveError::Asked(AskError::Failed { reason: "no answer in 5s".into() }));
    source.let_answer.add_permits(1);
    assert!(resolver.resolve("new", SECOND).await.is_ok());
    assert_eq!(source.questions(), 2);
}

#[tokio::test(start_paused = true)]
async fn no_such_shard_is_remembered_for_a_moment_and_within_bounds() {
    let (source, clock) = (Asked::new(false), Arc::new(ManualClock::new()));
    let mut limits = AskLimits::default();
    limits.max_remembered = 1;
    let resolver = resolver(source.clone(), clock.clone(), limits);
    source.let_answer.add_permits(100);
    for _ in 0..10 {
        assert_eq!(
            resolver.resolve("none", SECOND).await.unwrap_err(),
            ResolveError::Asked(AskError::NotFound)
        );
    }
    assert_eq!(source.questions(), 1);
    for _ in 0..3 {
        resolver.resolve("another", SECOND).await.unwrap_err();
    }
    assert_eq!(source.questions(), 4, "there was no room to remember the second key");
    clock.advance(limits.remember_not_found);
    resolver.resolve("none", SECOND).await.unwrap_err();
    assert_eq!(source.questions(), 5);
}

#[tokio::test(start_paused = true)]
async fn too_many_questions_at_once_are_refused_as_busy() {
    let source = Asked::new(true);
    let mut limits = AskLimits::default();
    limits.max_in_flight = 2;
    let resolver = resolver(source.clone(), Arc::default(), limits);
    let asking: Vec<_> = (0..2)
        .map(|i| {
            let resolver = resolver.clone();
            tokio::spawn(async move { resolver.resolve(&format!("key-{i}"), SECOND).await })
        })
        .collect();
    tokio::task::yield_now().await;
    assert_eq!(resolver.resolve("key-2", SECOND).await.unwrap_err(), ResolveError::Busy { in_flight: 2 });
    source.let_answer.add_permits(3);
    for asked in asking {
        asked.await.unwrap().unwrap();
    }
    assert!(resolver.resolve("key-2", SECOND).await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_shard_between_owners_is_waited_for_and_never_created() {
    let (source, resolver) = asking();
    let key = ShardKey::new("moving").unwrap();
    let unassigned = source.owners.edit(|edit, _| {
        edit.unassign(key.clone());
        Ok::<_, OwnerMapError>(())
    });
    unassigned.unwrap();
    let error = resolver.resolve("moving", SECOND).await.unwrap_err();
    assert!(error.to_string().contains("nobody owns the shard at this moment"), "{error}");
    let waiting = {
        let resolver = resolver.clone();
        tokio::spawn(async move { resolver.resolve("moving", SECOND).await })
    };
    tokio::task::yield_now().await;
    let new_owner = Member::new("10.0.0.2:7933").unwrap();
    source
        .owners
        .edit(|edit, _| {
            edit.assign(key.clone(), &new_owner, Token { incarnation: 1, generation: 3 });
            Ok::<_, OwnerMapError>(())
        })
        .unwrap();
    assert_eq!(*waiting.await.unwrap().unwrap(), new_owner);
    assert_eq!(source.questions(), 0);
}

#[tokio::test(start_paused = true)]
async fn what_no_question_can_mend_is_answered_at_once() {
    let (source, resolver) = asking();
    assert!(matches!(resolver.resolve("", SECOND).await.unwrap_err(), ResolveError::Lookup(_)));
    assert!(matches!(resolver.resolve("a\nb", SECOND).await.unwrap_err(), ResolveError::Key(_)));
    let alone = Resolver::builder(Namespace::new("alone").unwrap()).build();
    assert!(matches!(alone.resolve("key", SECOND).await.unwrap_err(), ResolveError::Lookup(_)));
    assert_eq!(source.questions(), 0);
}

/// A question whose runtime ends before it is ever put must not stay in the way of the next one.
#[test]
fn a_lost_question_is_put_again() {
    let (source, resolver) = asking();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    runtime().block_on(async {
        let mut asking = Box::pin(resolver.resolve("k", SECOND));
        std::future::poll_fn(|context| {
            assert!(asking.as_mut().poll(context).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
    });
    assert_eq!(source.questions(), 0, "the task never ran");
    source.let_answer.add_permits(1);
    assert!(runtime().block_on(resolver.resolve("k", SECOND)).is_ok());
}

#[tokio::test(start_paused = true)]
async fn the_distributor_is_asked_before_the_fallback_answers() {
    let (source, resolver) = asking();
    resolver.set_members([Member::new("10.0.0.9:7933").unwrap()]).unwrap();
    let by_ring = RoutingPolicy::builder().mode("shard_distributor").fallback("ring").build().unwrap();
    resolver.set_policy(by_ring);
    assert!(resolver.lookup("k").unwrap().is_fallback());
    assert!(resolver.resolve("k", SECOND).await.unwrap().is_fallback(), "it does not answer in time");
    source.let_answer.add_permits(1);
    assert_eq!(resolver.resolve("k", SECOND).await.unwrap().address(), "10.0.0.1:7933");
    assert_eq!(source.questions(), 1, "the first question went on");
}

#[tokio::test(start_paused = true)]
async fn a_resolver_that_does_not_run_asks_nobody_and_any_deadline_will_do() {
    let (source, resolver) = asking();
    source.let_answer.add_permits(1);
    assert!(resolver.resolve("k", Duration::MAX).await.is_ok());
    resolver.stop();
    assert!(matches!(resolver.resolve("other", SECOND).await, Err(ResolveError::Lookup(_))));
    assert_eq!(source.questions(), 1);
}
