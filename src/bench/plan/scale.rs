//! What a round costs on a board of a given size.

use std::time::Duration;

use crate::{
    bench::random::Random,
    clock::Clock,
    plan::{Board, Config, Executor, ExecutorSlot, Load, Plan, ShardSlot, State, check, plan},
    ring::RingSpec,
    types::{Member, Mono},
};

/// A size of board to measure, and how often.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Of the namespace.
    pub shards: usize,
    /// Active ones, each of weight 1.
    pub executors: usize,
    /// How often each kind of round is timed; the middle one counts.
    pub repeats: usize,
}

/// What was found.
#[derive(Clone, Debug)]
pub struct Costs {
    /// Of the round that gives every shard its first owner, in milliseconds.
    pub first_placement_ms: f64,
    /// Of the round behind the loss of one executor.
    pub executor_lost_ms: f64,
    /// Of a round that has nothing to do.
    pub idle_round_ms: f64,
    /// Rounds that moved something between the first placement and rest.
    pub rounds_to_rest: usize,
    /// The longest of them.
    pub balance_round_ms: f64,
    /// Plans in which the independent check found a fault, of all that were made.
    pub violations: usize,
}

/// Most rounds until a board has to be at rest. More would be a fault of its own.
const MOST_ROUNDS: usize = 500;

/// Far enough apart for every cooldown.
const APART: Duration = Duration::from_secs(61);

/// Times what is planned and carried out on the board: reading what there is to do, deciding, editing the board. The check is
/// not timed.
pub fn measure(clock: &dyn Clock, size: Size) -> Costs {
    let fresh = fleet(size);
    let mut rounds = Rounds { clock, config: Config::default(), now: Mono::ZERO, violations: 0 };
    let mut first = Vec::new();
    let mut board = fresh.clone();
    for _ in 0..size.repeats {
        board = fresh.clone();
        first.push(rounds.time(&mut board, |_, _| {}).0);
    }
    let (rounds_to_rest, longest) = rounds.run_to_rest(&mut board);
    let mut idle = Vec::new();
    let mut lost = Vec::new();
    for repeat in 0..size.repeats {
        idle.push(rounds.time(&mut board, |_, _| {}).0);
        let victim = ExecutorSlot::new(repeat * 7 % size.executors);
        let mut without = board.clone();
        lost.push(rounds.time(&mut without, |board, now| board.set_state(victim, State::Gone, now)).0);
    }
    Costs {
        first_placement_ms: middle(first),
        executor_lost_ms: middle(lost),
        idle_round_ms: middle(idle),
        rounds_to_rest,
        balance_round_ms: longest,
        violations: rounds.violations,
    }
}

struct Rounds<'a> {
    clock: &'a dyn Clock,
    config: Config,
    now: Mono,
    violations: usize,
}

impl Rounds<'_> {
    /// Lets something happen, holds the round that follows it, and carries that out. Answers the milliseconds of all this.
    fn time(&mut self, board: &mut Board, happen: impl FnOnce(&mut Board, Mono)) -> (f64, Plan) {
        let start = self.clock.now();
        happen(board, self.now);
        let decided = plan(board, self.now, &self.config, 1);
        let paused = self.clock.now();
        self.violations += usize::from(check(board, self.now, &self.config, &decided).is_err());
        let resumed = self.clock.now();
        board.apply(&decided, self.now);
        let spent = paused.since(start) + self.clock.now().since(resumed);
        (spent.as_secs_f64() * 1e3, decided)
    }

    /// Rounds until one moves nothing: how many, and the milliseconds of the longest.
    fn run_to_rest(&mut self, board: &mut Board) -> (usize, f64) {
        let mut longest = 0.0_f64;
        for round in 0..MOST_ROUNDS {
            self.now = self.now + APART;
            let (spent, decided) = self.time(board, |_, _| {});
            if decided.moves.is_empty() {
                return (round, longest);
            }
            longest = longest.max(spent);
            let moving: Vec<ShardSlot> = board.moving().map(|(shard, _)| shard).collect();
            for shard in moving {
                board.finish_move(shard);
            }
        }
        self.violations += 1;
        (MOST_ROUNDS, longest)
    }
}

/// Executors, and shards that nobody owns, whose loads are all measured: from a tenth to nineteen tenths.
fn fleet(size: Size) -> Board {
    let mut random = Random::new(1);
    let mut board = Board::new(RingSpec::default());
    for number in 0..size.executors {
        let address = format!("10.{}.{}.{}:7933", number >> 16, number >> 8 & 255, number & 255);
        let member = Member::new(address).expect("an address");
        board.add_executor(Executor::new(member, Mono::ZERO), State::Active, true);
    }
    for _ in 0..size.shards {
        let shard = board.add_shard(random.next());
        let load = Load::new(0.1 + 0.1 * random.below(19) as f64);
        board.set_load(shard, load, Mono::ZERO);
    }
    board
}

fn middle(mut samples: Vec<f64>) -> f64 {
    samples.sort_unstable_by(f64::total_cmp);
    samples.get(samples.len() / 2).copied().unwrap_or(f64::NAN)
}
