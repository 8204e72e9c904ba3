//! Many seeds, one after the other.

use std::time::Duration;

use super::{
    coverage::Coverage,
    invariants::Violation,
    record::{Line, TraceHash},
    swarm::Swarm,
    world::{Run, World},
};

/// What came of several runs.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// How many.
    pub seeds: u64,
    /// How much happened in all of them.
    pub events: u64,
    /// What was met.
    pub coverage: Coverage,
    /// Equal for equal runs.
    pub hash: TraceHash,
    /// Those in which a promise was broken.
    pub failures: Vec<Failure>,
}

/// A run in which a promise was broken.
#[derive(Clone, Debug)]
pub struct Failure {
    /// Its seed.
    pub seed: u64,
    /// What was broken.
    pub violation: Violation,
}

/// Runs a seed for so long.
pub fn run(seed: u64, length: Duration) -> Run {
    World::new(Swarm::new(seed, length), false).run()
}

/// Runs a seed that failed again, and tells the story; shortened, if fewer hazards do as well.
pub fn story(seed: u64, length: Duration) -> Run {
    let mut swarm = Swarm::new(seed, length);
    let promise = |swarm: &Swarm| Some(World::new(swarm.clone(), false).run().violation?.promise);
    let broken = promise(&swarm);
    for hazard in swarm.hazards.clone() {
        let simpler = swarm.clone().without(hazard);
        if promise(&simpler) == broken {
            swarm = simpler;
        }
    }
    World::new(swarm, true).run()
}

impl Tally {
    /// Adds a run.
    pub fn add(&mut self, run: &Run) {
        self.seeds += 1;
        self.events += run.events;
        self.coverage.add_all(&run.coverage);
        self.hash = self.hash.and(run.hash);
        if let Some(violation) = &run.violation {
            self.failures.push(Failure { seed: run.swarm.seed(), violation: violation.clone() });
        }
    }
}

impl Run {
    /// The last lines of the story, and before them others that name the first shard which the violation names.
    pub fn ending(&self, lines: usize) -> impl Iterator<Item = &Line> {
        let what = self.violation.as_ref().map_or("", |violation| &violation.what);
        let shard = what.split_once("shard ").and_then(|(_, rest)| rest.split([' ', ':', ',']).next());
        let about = shard.map(|shard| [format!("shard {shard} "), format!("ShardKey({shard})")]);
        let is_about =
            move |line: &&Line| about.iter().flatten().any(|word| line.what.contains(word.as_str()));
        let last = self.story.len().saturating_sub(lines);
        let before: Vec<&Line> = self.story[..last].iter().filter(is_about).collect();
        let first = before.len().saturating_sub(lines);
        before.into_iter().skip(first).chain(&self.story[last..])
    }
}
