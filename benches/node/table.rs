//! Figures: medians of rounds, and how they are printed.

use std::time::Duration;

/// What a round showed.
#[derive(Debug, Default)]
pub struct Round {
    pub count: usize,
    pub took: Duration,
    /// Of the server.
    pub processor: Duration,
    /// Of all answers, sorted.
    pub latencies: Vec<Duration>,
    /// Of all answers.
    pub bytes: usize,
}

impl Round {
    /// Answers a second.
    pub fn rate(&self) -> f64 {
        self.count as f64 / self.took.as_secs_f64()
    }

    /// Microseconds of the server's processor time for each answer.
    pub fn micros(&self) -> f64 {
        self.processor.as_secs_f64() * 1e6 / self.count as f64
    }

    /// The latency that a share of the answers does not exceed, in milliseconds.
    pub fn latency(&self, share: f64) -> f64 {
        let at = ((self.latencies.len() as f64 * share) as usize).min(self.latencies.len() - 1);
        self.latencies[at].as_secs_f64() * 1e3
    }

    /// Bytes of an answer, on the average.
    pub fn size(&self) -> usize {
        self.bytes / self.count.max(1)
    }
}

pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values[values.len() / 2]
}

/// A budget, what was measured, and whether it is met.
pub fn budget(what: &str, budget: &str, measured: String, met: bool) {
    println!("{} {what}: {measured} (budget {budget})", if met { "met    " } else { "NOT MET" });
}
