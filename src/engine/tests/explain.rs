//! What is asked about the planner's rounds.

use super::{
    super::*,
    id,
    world::{MS, World, config},
};
use crate::plan;

#[test]
fn rounds_are_kept_and_can_be_decided_again() {
    let mut world = World::new(31, config(12), 3);
    world.run(10_000 * MS);
    let Ok(Answer::Rounds(rounds)) = world.answered(Request::Rounds(usize::MAX)) else {
        panic!("it is answered")
    };
    assert!(rounds.len() <= MAX_LISTED_ROUNDS && rounds.is_sorted_by_key(|round| round.number));
    let placed = rounds.iter().find(|round| round.report.moved(plan::Reason::Unowned) == 12).unwrap();
    assert!(placed.is_kept);
    let Ok(Answer::Round(Some(text))) = world.answered(Request::Round(placed.number)) else {
        panic!("it is kept")
    };
    let round: plan::Round = text.parse().unwrap();
    assert_eq!(plan::replay(&round).as_ref(), Some(round.plan()));
    assert!(round.plan().moves.iter().all(|change| round.name_of(change.shard).is_some()));
    let Ok(Answer::Rounds(last)) = world.answered(Request::Rounds(1)) else { panic!("it is answered") };
    assert_eq!(last.len(), 1);
    let number = last[0].number + 100;
    assert_eq!(world.answered(Request::Round(number)), Err(RequestError::NoSuchRound { number }));
}

#[test]
fn a_preview_says_what_the_next_round_does_and_does_nothing() {
    let mut world = World::new(32, config(12), 3);
    world.run(10_000 * MS);
    world.answered(Request::Freeze(Freeze::All)).unwrap();
    let held = world.held();
    let owners: Vec<_> = world.engine.state().shards().collect();
    world.answered(Request::Drain(id("e0"))).unwrap();
    let Ok(Answer::Round(Some(text))) = world.answered(Request::PreviewRound) else { panic!("it is small") };
    let round: plan::Round = text.parse().unwrap();
    assert_eq!(round.plan().report.moved(plan::Reason::Drain) as usize, held[0]);
    assert_eq!(world.engine.state().shards().collect::<Vec<_>>(), owners, "nothing was done");
    world.answered(Request::Freeze(Freeze::Off)).unwrap();
    world.run(5_000 * MS);
    for change in &round.plan().moves {
        let name = round.name_of(change.shard).unwrap();
        let (before, after) =
            (owners.iter().find(|it| it.key.as_str() == name).unwrap(), world.engine.state().shard(name));
        assert_ne!(after.unwrap().owner, before.owner, "the round did as it was foretold");
    }
    assert_eq!(world.held()[0], 0);
}

#[test]
fn whether_an_executor_may_stop_is_answered_with_reasons() {
    let mut world = World::new(33, config(12), 2);
    world.run(10_000 * MS);
    let held = world.held();
    let ask = |world: &mut World| match world.answered(Request::MayStop(id("e0"))) {
        Ok(Answer::MayStop(answer)) => answer,
        other => panic!("{other:?}"),
    };
    let answer = ask(&mut world);
    assert!(answer.may_stop() && answer.holds as usize == held[0], "{answer:?}");
    world.answered(Request::Drain(id("e1"))).unwrap();
    assert_eq!(ask(&mut world).obstacles[0], plan::Obstacle::OnlyOne);
    world.answered(Request::Undrain(id("e1"))).unwrap();
    let key = world.engine.state().shards().next().unwrap().key;
    world.answered(Request::Pin(key.clone(), Some(id("e0")))).unwrap();
    world.run(3_000 * MS);
    let pinned = plan::Obstacle::Pinned { shards: 1, first: key };
    assert!(ask(&mut world).obstacles.contains(&pinned));
    assert_eq!(world.answered(Request::MayStop(id("e9"))), Err(RequestError::NoSuchExecutor(id("e9"))));
}
