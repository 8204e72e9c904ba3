//! What a shard's load is known from.
//!
//! An average that follows slowly is calm, but wrong for a minute after the load has really changed, and for a minute
//! after the first sample. So the first samples of a shard count alike; and when several in a row are far from the
//! average, on the same side, what was before is forgotten: that is no noise. How much the average is worth is known
//! from the number of samples since.

use std::time::Duration;

use super::record::{Record, Stamp};
use crate::{
    plan::{Load, Smoothing},
    types::Mono,
};

/// A sample of more than this multiple of the average, or less than its inverse, is far from it. Noise alone rarely gets
/// there twice.
const FAR: f64 = 2.0;
/// With so many far samples in a row, a load may be changing: nothing is decided by it.
const SWINGING: i8 = 2;
/// With so many, it has changed.
const CHANGED: i8 = 5;
/// With so many samples a shard may be moved because of its load.
const ENOUGH: u8 = 12;
/// Who was not heard of for this long stands by what was last said.
const PATIENCE: Duration = Duration::from_secs(10);
/// More samples than this say no more: an average of a minute, sampled each second, has forgotten the others.
const MOST_EVIDENCE: u8 = 60;

impl Record {
    pub(super) fn load(&self) -> Option<Load> {
        (self.sampled != Stamp::NEVER).then_some(self.load)
    }

    /// A load that is as good as measured for long.
    pub(super) fn set_load(&mut self, load: Option<Load>, now: Mono) {
        self.load = load.unwrap_or_default();
        self.sampled = load.map_or(Stamp::NEVER, |_| Stamp::at(now));
        (self.samples, self.streak) = (u8::MAX, 0);
    }

    pub(super) fn add_sample(&mut self, sample: Load, now: Mono, smoothing: Smoothing) {
        let Some(last) = self.sampled.when() else { return self.begin_with(sample, now, smoothing) };
        let elapsed = now.since(last);
        if elapsed.is_zero() || !smoothing.notices_changes() {
            self.load = self.load.smoothed(sample, elapsed, smoothing.constant());
        } else {
            let far = far(self.load, sample);
            self.streak = if far * self.streak.signum() < 0 { far } else { far * (self.streak.abs() + 1) };
            if self.streak.abs() >= CHANGED {
                return self.begin_with(sample, now, smoothing);
            }
            self.load = self.load.averaged(sample, elapsed, smoothing.constant(), self.samples);
            self.samples = self.samples.saturating_add(1);
        }
        self.sampled = Stamp::at(now);
    }

    /// Whether the last samples say something else than those before.
    pub(super) fn is_swinging(&self) -> bool {
        self.streak.abs() >= SWINGING
    }

    /// Whether enough is known of the load to move the shard because of it.
    pub(super) fn is_known(&self, now: Mono) -> bool {
        self.is_silent(now) || (!self.is_swinging() && self.samples >= ENOUGH)
    }

    /// How many samples the load is worth.
    pub(super) fn evidence(&self, now: Mono) -> f64 {
        f64::from(if self.is_silent(now) { MOST_EVIDENCE } else { self.samples.clamp(1, MOST_EVIDENCE) })
    }

    fn is_silent(&self, now: Mono) -> bool {
        self.sampled.when().is_none_or(|sampled| now.since(sampled) >= PATIENCE)
    }

    fn begin_with(&mut self, sample: Load, now: Mono, smoothing: Smoothing) {
        self.set_load(Some(sample), now);
        if smoothing.notices_changes() {
            self.samples = 1;
        }
    }
}

/// 1: far above; -1: far below; 0: neither.
fn far(average: Load, sample: Load) -> i8 {
    let (average, sample) = (average.get(), sample.get());
    i8::from(sample > FAR * average) - i8::from(sample < average / FAR)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Mono {
        Mono::from_nanos(seconds * 1_000_000_000)
    }

    /// One sample a second, the first at one second.
    fn sampled(samples: &[f64], smoothing: Smoothing) -> Record {
        let mut record = Record::new(0);
        for (number, sample) in samples.iter().enumerate() {
            record.add_sample(Load::new(*sample).unwrap(), at(number as u64 + 1), smoothing);
        }
        record
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn the_first_samples_count_alike() {
        let record = sampled(&[1.0, 1.5, 1.1, 0.8], Smoothing::noticing(MINUTE));
        assert!((record.load().unwrap().get() - 1.1).abs() < 1e-6, "{:?}", record.load());
        let slow = sampled(&[1.0, 1.5, 1.1, 0.8], Smoothing::plain(MINUTE));
        assert!((slow.load().unwrap().get() - 1.0).abs() < 0.02, "{:?}", slow.load());
    }

    #[test]
    fn a_spike_changes_little_and_a_change_is_noticed() {
        let mut samples = vec![1.0; 60];
        samples.extend([40.0; 4]);
        let spike = sampled(&samples, Smoothing::noticing(MINUTE));
        assert!(spike.is_swinging() && !spike.is_known(at(64)));
        assert!(spike.load().unwrap().get() < 4.0, "{:?}", spike.load());
        samples.push(40.0);
        let change = sampled(&samples, Smoothing::noticing(MINUTE));
        assert_eq!(change.load(), Load::new(40.0));
        assert!(!change.is_swinging() && !change.is_known(at(65)), "one sample is not enough to go by");
        samples.extend([40.0; 11]);
        assert!(sampled(&samples, Smoothing::noticing(MINUTE)).is_known(at(76)));
        samples.extend([1.0; 5]);
        assert_eq!(sampled(&samples, Smoothing::noticing(MINUTE)).load(), Load::new(1.0));
        // A plain average is still on its way up.
        assert!(sampled(&samples, Smoothing::plain(MINUTE)).load().unwrap().get() > 5.0);
    }

    #[test]
    fn noise_on_both_sides_is_no_change() {
        let samples: Vec<f64> = (0..100).map(|number| if number % 2 == 0 { 0.1 } else { 2.0 }).collect();
        let record = sampled(&samples, Smoothing::noticing(MINUTE));
        assert!(!record.is_swinging() && record.is_known(at(100)));
        assert!((0.8..1.3).contains(&record.load().unwrap().get()), "{:?}", record.load());
    }

    #[test]
    fn who_says_nothing_more_stands_by_the_last_word() {
        let record = sampled(&[3.0], Smoothing::noticing(MINUTE));
        assert!(!record.is_known(at(2)) && record.is_known(at(11)));
        assert!(record.evidence(at(2)) < record.evidence(at(11)));
    }

    #[test]
    fn beats_within_one_tick_count_once() {
        let mut record = Record::new(0);
        let (one, three) = (Load::new(1.0).unwrap(), Load::new(3.0).unwrap());
        record.add_sample(one, Mono::from_nanos(5), Smoothing::noticing(MINUTE));
        record.add_sample(three, Mono::from_nanos(6), Smoothing::noticing(MINUTE));
        assert_eq!(record.load(), Some(one), "no time has passed, so a sample has no weight");
    }
}
