//! Starting and stopping, coming and going, listening.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread::{self, ThreadId};
use std::time::Duration;

use shardway::clock::{Clock, ManualClock};
use shardway::membership::{MemberSink, MemberSource, MemberSourceError, StaticMembers};
use shardway::resolver::ResolverSet;
use shardway::ring::{Flavour, RingSpec};
use shardway::types::Mono;

use super::*;

#[test]
fn start_and_stop_are_idempotent_and_self_eviction_lasts_until_the_next_start() {
    let resolver = Resolver::builder(namespace("matching"))
        .members(Arc::new(StaticMembers::new(members(3))))
        .me(member(1))
        .build();
    assert_eq!(resolver.member_count(), 0);
    resolver.start().unwrap();
    resolver.start().unwrap();
    assert_eq!(resolver.member_count(), 3);
    assert_eq!(resolver.who_am_i(), Some(&member(1)));
    assert!(resolver.evict_self());
    assert_eq!(resolver.members(), [member(0), member(2)]);
    assert!(resolver.membership_status().is_evicted);
    resolver.set_members(members(4)).unwrap();
    assert_eq!(resolver.member_count(), 3, "a newer list does not bring it back");
    resolver.stop();
    resolver.stop();
    assert!(resolver.lookup("key").is_ok(), "a stopped resolver answers with what it knows");
    resolver.start().unwrap();
    assert!(resolver.membership_status().is_evicted, "nor does a start");
    assert!(resolver.return_self());
    assert_eq!(resolver.member_count(), 3);
    assert!(!resolver.membership_status().is_evicted);
    assert!(!Resolver::builder(namespace("nobody")).build().evict_self(), "who would it be?");
}

#[derive(Default)]
struct Watched {
    sink: parking_lot::Mutex<Option<Arc<dyn MemberSink>>>,
    stops: AtomicUsize,
}

impl MemberSource for Watched {
    fn kind(&self) -> &'static str {
        "watched"
    }
    fn start(&self, sink: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        self.sink.lock().get_or_insert(sink);
        Ok(())
    }
    fn stop(&self) {
        self.stops.fetch_add(1, Ordering::SeqCst);
        drop(self.sink.lock().take());
    }
}

#[test]
fn a_stop_that_meets_a_start_leaves_one_of_the_two_states() {
    let source = Arc::new(Watched::default());
    let resolver = Resolver::builder(namespace("m")).members(source.clone()).build();
    for _ in 0..200 {
        thread::scope(|scope| {
            scope.spawn(|| resolver.start().unwrap());
            scope.spawn(|| resolver.stop());
        });
        assert_eq!(resolver.is_running(), source.sink.lock().is_some(), "what runs has a source that runs");
    }
}

#[test]
fn a_set_that_is_dropped_stops_its_resolvers_whatever_threads_still_hold() {
    let source = Arc::new(Watched::default());
    let set = ResolverSet::new();
    set.insert(Resolver::builder(namespace("m")).members(source.clone()).build()).unwrap();
    set.start().unwrap();
    source.sink.lock().clone().unwrap().members(members(3));
    set.lookup("m", "key").unwrap();
    drop(set);
    assert!(source.stops.load(Ordering::SeqCst) > 0);
    assert!(source.sink.lock().is_none());
}

/// Tells in which thread it is freed: as a clock with the last snapshot, as a source with the resolver.
struct Witness(mpsc::Sender<ThreadId>);

impl Clock for Witness {
    fn now(&self) -> Mono {
        Mono::ZERO
    }
}

impl MemberSource for Witness {
    fn kind(&self) -> &'static str {
        "witness"
    }
    fn start(&self, _: Arc<dyn MemberSink>) -> Result<(), MemberSourceError> {
        Ok(())
    }
    fn stop(&self) {}
}

impl Drop for Witness {
    fn drop(&mut self) {
        _ = self.0.send(thread::current().id());
    }
}

/// What a thread still holds of a resolver that is gone it lets go of in a lookup of another one; the freeing of a
/// whole ring is not for that lookup to pay.
#[test]
fn a_lookup_does_not_free_what_another_resolver_left() {
    for in_a_set in [false, true] {
        let (tell, freed) = mpsc::channel();
        let (builder, witness) = (Resolver::builder(namespace("gone")), Arc::new(Witness(tell)));
        let gone = if in_a_set { builder.members(witness) } else { builder.clock(witness) }.build();
        gone.set_members(members(3)).unwrap();
        let lasting = resolver();
        lasting.start().unwrap();
        let (set, others) = (ResolverSet::new(), ResolverSet::new());
        if in_a_set {
            set.insert(gone.clone()).unwrap();
            set.lookup("gone", "key").unwrap();
        } else {
            gone.lookup("key").unwrap();
        }
        drop((gone, set));
        assert!(freed.try_recv().is_err(), "this thread holds on to it");
        // A set goes first, and its resolvers after it: this thread lets go of each when it looks again.
        let by = (0..1000).find_map(|round| {
            lasting.set_members(members(2 + round % 2)).unwrap();
            lasting.lookup("key").unwrap();
            others.insert(Resolver::builder(namespace(&round.to_string())).build()).unwrap();
            others.lookup("none", "key").unwrap_err();
            freed.recv_timeout(Duration::from_millis(30)).ok()
        });
        assert_ne!(by.expect("it is freed"), thread::current().id(), "in a set: {in_a_set}");
    }
}

#[test]
fn a_subscription_does_not_keep_its_resolver_alive_and_ends_with_it() {
    let source = Arc::new(Watched::default());
    let resolver = Resolver::builder(namespace("m")).members(source.clone()).build();
    resolver.start().unwrap();
    let mut subscription = resolver.subscribe();
    let waiting = thread::spawn(move || subscription.next_within(Duration::from_secs(60)).is_none());
    drop(resolver);
    assert!(waiting.join().unwrap(), "told at once that it is over");
    assert!(source.sink.lock().is_none());
}

#[test]
fn what_is_held_back_is_judged_again_when_its_time_or_its_rule_is_over() {
    let (clock, source) = (Arc::new(ManualClock::new()), Arc::new(Watched::default()));
    let builder = Resolver::builder(namespace("m")).clock(clock.clone()).members(source.clone());
    let resolver = builder.build();
    resolver.start().unwrap();
    let sink = source.sink.lock().clone().unwrap();
    sink.members(members(10));
    sink.members(members(3));
    let mut subscription = resolver.subscribe();
    assert_eq!(resolver.member_count(), 10);
    clock.advance(resolver.restraint().hold_for.unwrap());
    let change = subscription.next_within(Duration::from_secs(60));
    assert_eq!(change.unwrap().ring.len(), 3, "though the source said nothing more");

    clock.advance(Duration::from_secs(3600));
    sink.members(members(10));
    sink.members(members(2));
    assert!(resolver.membership_status().held.is_some());
    resolver.set_panic_threshold(Some(0.1));
    assert_eq!((resolver.member_count(), resolver.membership_status().held), (2, None));
}

#[test]
fn a_ringpop_ring_takes_weights_for_one_like_the_go_ring_it_agrees_with() {
    let source = Arc::new(Watched::default());
    let spec = RingSpec::new(Flavour::Ringpop, 100).unwrap();
    let resolver = Resolver::builder(namespace("m")).ring(spec).members(source.clone()).build();
    resolver.start().unwrap();
    let sink = source.sink.lock().clone().unwrap();
    sink.members(members(3));
    sink.members(vec![member(0), member(5).with_weight(2).unwrap()]);
    assert_eq!(resolver.members(), [member(0), member(5)], "who left is gone, who came is there");
}

#[test]
fn a_set_finds_nothing_under_a_slip_of_the_finger_and_says_what_was_meant() {
    let set = ResolverSet::new();
    for i in 0..12 {
        set.insert(Resolver::builder(namespace(&format!("orders-{i:02}"))).build()).unwrap();
    }
    let text = set.lookup("ordres-03", "key").unwrap_err().to_string();
    assert!(text.ends_with("orders-09 and 2 more"), "{text}");
}

#[test]
fn a_subscriber_gets_changes_and_learns_what_it_missed() {
    let resolver = resolver();
    let mut subscription = resolver.subscribe();
    assert!(subscription.try_next().is_none());
    resolver.set_members(members(2)).unwrap();
    let change = subscription.next_within(Duration::from_secs(10)).unwrap();
    assert_eq!((change.diff.added.len(), change.missed, change.ring.len()), (2, 0, 2));
    resolver.set_members(members(2)).unwrap();
    assert!(subscription.try_next().is_none(), "the same list is no change");
    resolver.set_members(members(3)).unwrap();
    resolver.set_members([member(0), member(1).with_weight(2).unwrap(), member(5)]).unwrap();
    let change = subscription.try_next().unwrap();
    assert_eq!(change.missed, 1, "the state with host-2 was never seen");
    assert_eq!(change.diff.added, [member(5)]);
    assert_eq!(change.diff.updated.len(), 1);
    assert!(change.diff.removed.is_empty());
    resolver.set_policy(policy("shard_distributor"));
    assert!(subscription.next_within(Duration::ZERO).is_none(), "a policy is no change of members");
}

#[test]
fn a_subscriber_in_another_thread_is_woken() {
    let resolver = resolver();
    let mut subscription = resolver.subscribe();
    let waiting =
        thread::spawn(move || subscription.next_within(Duration::from_secs(60)).unwrap().ring.len());
    resolver.set_members(members(3)).unwrap();
    assert_eq!(waiting.join().unwrap(), 3);
}

#[test]
fn a_set_finds_resolvers_by_name_and_names_those_it_knows() {
    let set = ResolverSet::new();
    let error = set.lookup("matching", "key").unwrap_err();
    assert_eq!(error.to_string(), r#"namespace "matching" was never configured, nor was any other"#);
    for name in ["matching", "history"] {
        let resolver =
            Resolver::builder(namespace(name)).members(Arc::new(StaticMembers::new(members(3)))).build();
        set.insert(resolver).unwrap();
    }
    assert!(set.insert(Resolver::builder(namespace("history")).build()).is_err());
    set.start().unwrap();
    set.start().unwrap();
    assert_eq!(set.lookup("matching", "key").unwrap().namespace().as_str(), "matching");
    let late = Resolver::builder(namespace("late")).members(Arc::new(StaticMembers::new(members(1)))).build();
    set.insert(late).unwrap();
    assert_eq!(set.lookup("late", "key").unwrap().identity(), "host-0", "started with the running set");
    let error = set.lookup("mathcing", "key").unwrap_err();
    let text = r#"namespace "mathcing" was never configured; did you mean "matching"?; there are history, late, matching"#;
    assert_eq!(error.to_string(), text);
    set.remove("late").unwrap();
    assert!(set.lookup("late", "key").is_err());
    set.stop();
    assert!(set.lookup("matching", "key").is_ok());
}

/// A thread's own data is torn down in an order that nobody chooses: a lookup in a destructor finds a shelf or none.
#[test]
fn a_thread_may_look_up_while_it_ends() {
    struct AtEnd(Resolver, mpsc::Sender<String>);
    impl Drop for AtEnd {
        fn drop(&mut self) {
            drop(self.1.send(self.0.lookup("key").unwrap().identity().to_owned()));
        }
    }
    thread_local! {
        static AT_END: std::cell::RefCell<Option<AtEnd>> = const { std::cell::RefCell::new(None) };
    }
    let resolver = resolver();
    resolver.set_members(members(3)).unwrap();
    let expected = resolver.lookup("key").unwrap().identity().to_owned();
    for looks_up_first in [true, false] {
        let (send, receive) = mpsc::channel();
        let resolver = resolver.clone();
        let thread = thread::spawn(move || {
            let look_up = || _ = resolver.lookup("key").unwrap();
            if looks_up_first {
                look_up();
            }
            AT_END.set(Some(AtEnd(resolver.clone(), send)));
            look_up();
        });
        thread.join().unwrap();
        assert_eq!(receive.recv().unwrap(), expected);
    }
}
