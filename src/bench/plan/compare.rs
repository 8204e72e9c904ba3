//! The strategies, each put through the same traces.

use serde::Serialize;

use super::traces::{EXECUTORS, Loads, SHARDS, TRACES, Trace};
use crate::{
    bench::random::Random,
    plan::{Board, Config, Executor, Greedy, Load, Naive, ShardSlot, State, Steady, Strategy, check, plan},
    ring::RingSpec,
    types::{Member, Mono},
};

/// How long a handover takes, in rounds of a second.
const HANDOVER_SECONDS: u64 = 2;

/// When a trace begins: everybody has long settled in.
const BEGIN: u64 = 3600;

/// The fleets that each strategy is judged on. Ours was made with those of seeds 1 to 5 and 11 to 15.
pub const SEEDS: [u64; 10] = [21, 22, 23, 24, 25, 26, 27, 28, 29, 30];

/// The strategies with their defaults, ours last. The table has ours once more, made as uneven as greedy is.
pub fn strategies() -> [Strategy; 3] {
    [
        Strategy::Naive(Naive::default()),
        Strategy::Greedy(Greedy::default()),
        Strategy::Steady(Steady::default()),
    ]
}

/// How a strategy got through a trace.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Load of the fullest executor over the mean, each second, whatever the planner believes.
    pub max_over_mean: Vec<f64>,
    /// Moves of each second.
    pub moves: Vec<u32>,
    /// Plans in which the independent check found a fault.
    pub violations: usize,
}

impl Course {
    /// Puts a strategy through a trace, a round each second.
    pub fn run(trace: Trace, strategy: Strategy, seed: u64) -> Self {
        let config = Config { strategy, ..Config::default() };
        let mut board = fleet(seed);
        let mut loads = Loads::new(trace, seed);
        let mut course = Self::default();
        board.apply(&plan(&board, Mono::ZERO, &config, seed), Mono::ZERO);
        let mut under_way: Vec<(u64, ShardSlot)> = Vec::new();
        for second in 1..=trace.seconds {
            let now = Mono::from_nanos((BEGIN + second) * 1_000_000_000);
            let expected = loads.expected(second);
            for (at, load) in loads.noisy(&expected).into_iter().enumerate() {
                let load = Load::new(load).expect("traces have loads");
                board.add_load_sample(ShardSlot::new(at), load, now, strategy.smoothing());
            }
            for (_, shard) in under_way.extract_if(.., |(end, _)| *end <= second) {
                board.finish_move(shard);
            }
            let decided = plan(&board, now, &config, seed);
            course.violations += usize::from(check(&board, now, &config, &decided).is_err());
            under_way.extend(decided.moves.iter().map(|change| (second + HANDOVER_SECONDS, change.shard)));
            board.apply(&decided, now);
            course.moves.push(decided.moves.len() as u32);
            course.max_over_mean.push(imbalance(&board, &expected));
        }
        course
    }
}

/// One line of the table: a strategy on a trace, the mean over [`SEEDS`].
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The trace's name.
    pub trace: &'static str,
    /// The strategy's.
    pub strategy: &'static str,
    /// Its upper band, if it has one.
    pub upper_band: Option<f64>,
    /// Load of the fullest executor over the mean: the mean of all seconds that the trace is about.
    pub max_over_mean: f64,
    /// The same in the last second.
    pub max_over_mean_at_end: f64,
    /// How many shards were moved.
    pub moves: f64,
    /// The last round, counted from the trace's begin, that moved anything.
    pub rounds_to_rest: f64,
    /// Plans in which the independent check found a fault, in all.
    pub violations: usize,
}

/// The whole table. `progress` is told before each line: its number, how many there are, and what comes.
pub fn table(progress: &mut dyn FnMut(usize, usize, &str)) -> Vec<Row> {
    let mut rows = Vec::new();
    let all = TRACES.len() * (strategies().len() + 1);
    for trace in TRACES {
        let as_even = Steady { upper_band: trace.band_of_greedy, ..Steady::default() };
        for strategy in strategies().into_iter().chain([Strategy::Steady(as_even)]) {
            progress(rows.len() + 1, all, trace.name);
            rows.push(Row::of(*trace, strategy, &SEEDS));
        }
    }
    rows
}

impl Row {
    /// The line of these seeds.
    pub fn of(trace: Trace, strategy: Strategy, seeds: &[u64]) -> Self {
        let courses: Vec<_> = seeds.iter().map(|seed| Course::run(trace, strategy, *seed)).collect();
        let mean = |of: &dyn Fn(&Course) -> f64| courses.iter().map(of).sum::<f64>() / courses.len() as f64;
        let last_move = |course: &Course| course.moves.iter().rposition(|moves| *moves > 0);
        Self {
            trace: trace.name,
            strategy: strategy.as_str(),
            upper_band: match strategy {
                Strategy::Steady(steady) => Some(steady.upper_band),
                Strategy::Greedy(greedy) => Some(greedy.upper_band),
                Strategy::Naive(_) => None,
            },
            max_over_mean: mean(&|course| {
                let seconds = &course.max_over_mean[trace.from as usize..];
                seconds.iter().sum::<f64>() / seconds.len() as f64
            }),
            max_over_mean_at_end: mean(&|course| course.max_over_mean.last().copied().unwrap_or_default()),
            moves: mean(&|course| course.moves.iter().sum::<u32>().into()),
            rounds_to_rest: mean(&|course| last_move(course).map_or(0.0, |at| at as f64 + 1.0)),
            violations: courses.iter().map(|course| course.violations).sum(),
        }
    }
}

fn fleet(seed: u64) -> Board {
    let mut random = Random::new(seed ^ 1);
    let mut board = Board::new(RingSpec::default());
    for number in 0..EXECUTORS {
        let member = Member::new(format!("10.0.{seed}.{number}:7933")).expect("an address");
        board.add_executor(Executor::new(member, Mono::ZERO), State::Active, true);
    }
    for _ in 0..SHARDS {
        board.add_shard(random.next());
    }
    board
}

fn imbalance(board: &Board, loads: &[f64]) -> f64 {
    let of = |shards: &[ShardSlot]| shards.iter().map(|shard| loads[shard.index()]).sum::<f64>();
    let sums: Vec<f64> = board.seats().map(|(slot, _)| of(board.shards_of(slot))).collect();
    let mean = sums.iter().sum::<f64>() / sums.len() as f64;
    sums.into_iter().fold(0.0, f64::max) / mean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ours_is_the_most_even_on_zipf_and_every_plan_keeps_the_rules() {
        let [naive, greedy, steady] = strategies().map(|strategy| Row::of(TRACES[0], strategy, &[21]));
        assert_eq!([naive.violations, steady.violations], [0, 0]);
        assert!(steady.max_over_mean + 0.1 < naive.max_over_mean, "{steady:?} {naive:?}");
        assert!(steady.max_over_mean < greedy.max_over_mean, "{steady:?} {greedy:?}");
    }
}
