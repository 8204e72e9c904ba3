//! "May I stop this executor?", answered before anybody does it.

use super::{
    Board, Config, ExecutorSlot, Input, Pin, ShardSlot, State, Tally, decide::heaviest_first, input::Row,
    place::Placer,
};
use crate::types::Mono;

/// What stopping an executor would mean. Nothing was done. `S` is how shards are named.
#[derive(Clone, Debug, PartialEq)]
pub struct StopAnswer<S = ShardSlot> {
    /// Shards that it owns, and that a drain would have to move or is moving.
    pub holds: u32,
    /// Those of them that are on their way already.
    pub moving_away: u32,
    /// Load of the then fullest executor for its weight, relative to the mean, once its shards are with the others.
    pub max_over_mean_after: f64,
    /// Why it should go on. Empty: it may drain, and once it holds nothing, stop.
    pub obstacles: Vec<Obstacle<S>>,
}

/// Why an executor should not stop now.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Obstacle<S = ShardSlot> {
    /// No other executor is active and may receive.
    OnlyOne,
    /// So many of its shards, of those of draining executors, and of those that nobody has, would find no room.
    NoRoom {
        /// How many.
        shards: u32,
        /// The first of them.
        first: S,
    },
    /// So many of its shards are pinned to it: no drain moves them.
    Pinned {
        /// How many.
        shards: u32,
        /// The first of them.
        first: S,
    },
    /// So many shards are on their way to it and would have to turn round.
    MovesTo {
        /// How many.
        shards: u32,
    },
}

impl<S> StopAnswer<S> {
    /// Whether nothing speaks against it.
    pub const fn may_stop(&self) -> bool {
        self.obstacles.is_empty()
    }

    /// Whether it holds nothing and nothing comes, so that to stop it changes nothing for anybody.
    pub fn is_idle(&self) -> bool {
        self.holds == 0 && !self.obstacles.iter().any(|obstacle| matches!(obstacle, Obstacle::MovesTo { .. }))
    }
}

/// Whether the others could take over what this executor has, besides what draining executors have and what nobody has.
///
/// Asks the rule by which the planner would place these shards. `None` when the board has no such session.
pub fn may_stop(
    board: &Board,
    now: Mono,
    config: &Config,
    seed: u64,
    slot: ExecutorSlot,
) -> Option<StopAnswer> {
    let seat = board.seat(slot)?;
    let mut obstacles = Vec::new();
    let mut input = Input::of_seats(board, now, seed);
    for (other, seat) in &mut input.seats {
        if *other == slot {
            seat.state = State::Draining;
        }
    }
    if !input.seats.iter().any(|(_, seat)| seat.is_open()) {
        obstacles.push(Obstacle::OnlyOne);
    }
    let pinned: Vec<ShardSlot> = sorted(
        board
            .shards_of(slot)
            .iter()
            .copied()
            .filter(|shard| board.shard(*shard).is_some_and(|shard| shard.pin == Some(Pin::To(slot)))),
    );
    if let Some(first) = pinned.first() {
        obstacles.push(Obstacle::Pinned { shards: pinned.len() as u32, first: *first });
    }
    let mut placer = Placer::new(&input, config);
    let stranded = place_all(board, &input, &mut placer);
    if let (Some(first), false) = (stranded.first(), obstacles.contains(&Obstacle::OnlyOne)) {
        obstacles.push(Obstacle::NoRoom { shards: stranded.len() as u32, first: *first });
    }
    if seat.coming.shards > 0 {
        obstacles.push(Obstacle::MovesTo { shards: seat.coming.shards });
    }
    Some(StopAnswer {
        holds: seat.held.shards,
        moving_away: seat.going.shards,
        max_over_mean_after: placer.max_over_mean(),
        obstacles,
    })
}

/// Places all that draining executors have, and all that nobody alive has. Answers the shards that nobody can take, by
/// slot.
fn place_all(board: &Board, input: &Input, placer: &mut Placer<'_>) -> Vec<ShardSlot> {
    let losing = input.seats.iter().filter(|(_, seat)| matches!(seat.state, State::Draining | State::Gone));
    let shards = losing.flat_map(|(slot, _)| board.shards_of(*slot)).chain(board.unowned());
    let rows: Vec<Row> = sorted(shards.copied()).into_iter().map(|shard| Row::of(board, shard)).collect();
    let is_placed = |row: &&Row| row.pin.is_none() && !row.is_quarantined;
    let mut stranded = Vec::new();
    for row in heaviest_first(&rows, &placer.scale).into_iter().filter(is_placed) {
        let is_on_its_way = row.to.is_some_and(|to| placer.desk(to).is_some_and(|desk| desk.is_open));
        if is_on_its_way {
            continue;
        }
        match placer.choose(row, None) {
            Ok(choice) => placer.take(choice.to, Tally::of(row.load)),
            Err(_) => stranded.push(row.shard),
        }
    }
    sorted(stranded.into_iter())
}

fn sorted(shards: impl Iterator<Item = ShardSlot>) -> Vec<ShardSlot> {
    let mut shards: Vec<_> = shards.collect();
    shards.sort_unstable();
    shards
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{Executor, Phase, Placement, tests::board};

    fn ask(board: &Board, executor: usize) -> StopAnswer {
        let config = Config { placement: Placement::Even, ..Config::default() };
        may_stop(board, Mono::ZERO, &config, 0, ExecutorSlot::new(executor)).unwrap()
    }

    /// So many executors, each of which has so many shards and room for two more.
    fn full(executors: usize, each: usize) -> Board {
        let mut board = board(0, executors * each);
        for number in 0..executors {
            let executor = Executor::new(crate::plan::tests::member(number), Mono::ZERO);
            let slot = board.add_executor(executor.with_max_shards(each as u32 + 2), State::Active, true);
            for shard in 0..each {
                board.set_owner(ShardSlot::new(number * each + shard), Some(slot));
            }
        }
        board
    }

    #[test]
    fn whoever_is_needed_may_not_stop() {
        assert_eq!(ask(&full(1, 4), 0).obstacles, [Obstacle::OnlyOne]);
        let answer = ask(&full(2, 4), 0);
        assert_eq!(answer.obstacles, [Obstacle::NoRoom { shards: 2, first: ShardSlot::new(2) }]);
        let answer = ask(&full(3, 4), 0);
        assert!(answer.may_stop() && !answer.is_idle());
        assert_eq!((answer.holds, answer.max_over_mean_after), (4, 1.0));
    }

    #[test]
    fn two_may_not_stop_where_one_may() {
        let mut board = full(3, 4);
        board.set_state(ExecutorSlot::new(2), State::Draining, Mono::ZERO);
        let stranded = Obstacle::NoRoom { shards: 6, first: ShardSlot::new(2) };
        assert_eq!(ask(&board, 0).obstacles, [stranded]);
    }

    #[test]
    fn what_nobody_has_needs_room_too() {
        let mut board = full(3, 4);
        board.add_shard(1);
        assert_eq!(ask(&board, 0).obstacles, [Obstacle::NoRoom { shards: 1, first: ShardSlot::new(12) }]);
        board.set_quarantine(ShardSlot::new(12), Some(Mono::ZERO));
        assert!(ask(&board, 0).may_stop(), "nobody is given it anyway");
    }

    #[test]
    fn pins_and_moves_are_named() {
        let mut board = full(3, 4);
        let (one, other) = (ExecutorSlot::new(0), ExecutorSlot::new(1));
        board.set_pin(ShardSlot::new(3), Some(Pin::To(one)));
        board.set_phase(ShardSlot::new(0), Phase::Moving(Some(other)));
        board.set_phase(ShardSlot::new(4), Phase::Moving(Some(one)));
        let answer = ask(&board, 0);
        let pinned = Obstacle::Pinned { shards: 1, first: ShardSlot::new(3) };
        assert_eq!(answer.obstacles, [pinned, Obstacle::MovesTo { shards: 1 }]);
        assert_eq!((answer.holds, answer.moving_away), (4, 1));
    }

    #[test]
    fn who_holds_nothing_is_idle() {
        let mut board = full(2, 4);
        for shard in 0..4 {
            board.remove_shard(ShardSlot::new(shard));
        }
        assert!(ask(&board, 0).is_idle() && ask(&board, 0).may_stop());
        assert_eq!(may_stop(&board, Mono::ZERO, &Config::default(), 0, ExecutorSlot::new(7)), None);
    }
}
