//! Chance, as part of the game: ChaCha8 under the game's seed, one stream for each use.
//!
//! A game keeps how far it has read in each stream, so that a draw added to one use shifts no other, and a stored game
//! goes on with the same future. Everything is drawn through the few helpers here over `next_u64`: the distributions of the
//! `rand` crate may change between its versions.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a draw is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// The star map, its docks, ore and markets.
    Map,
    /// Hazards and encounters on the way.
    Travel,
    /// Hits, damage, flight and parley.
    Combat,
    /// What is found, mined, salvaged or dropped.
    Loot,
    /// Which event happens and how it ends.
    Events,
    /// Prices that drift.
    Market,
    /// Which work a dock offers.
    Quests,
}

/// How many streams there are.
pub const STREAMS: usize = 7;

/// Where draws apart begin, in words: no game draws a billion times.
const APART: u64 = 1 << 32;

/// The largest seed: the largest whole number that JSON readers keep exactly.
pub const MAX_SEED: u64 = (1 << 53) - 1;

/// The seed of a game and its place in each stream (in 32-bit words).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dice {
    /// 0 to [`MAX_SEED`].
    pub seed: u64,
    /// Words read, by [`Stream`].
    pub word_pos: [u64; STREAMS],
}

impl Dice {
    /// Fresh dice.
    pub fn new(seed: u64) -> Self {
        Self { seed, word_pos: [0; STREAMS] }
    }

    /// Draws that shift no other: from a place of their own, far behind what a game reads of the stream in its life.
    pub fn apart<T>(&self, stream: Stream, place: u64, draw: impl FnOnce(&mut Draws<'_>) -> T) -> T {
        let mut word_pos = self.word_pos;
        word_pos[stream as usize] = APART + place;
        draw(&mut Self { seed: self.seed, word_pos }.stream(stream))
    }

    /// Draws from one stream; its place is kept when the draws end.
    pub fn stream(&mut self, stream: Stream) -> Draws<'_> {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&self.seed.to_le_bytes());
        let mut rng = ChaCha8Rng::from_seed(key);
        rng.set_stream(stream as u64);
        let word_pos = &mut self.word_pos[stream as usize];
        rng.set_word_pos(u128::from(*word_pos));
        Draws { rng, word_pos }
    }
}

/// Draws from one stream of a game's [`Dice`].
pub struct Draws<'a> {
    rng: ChaCha8Rng,
    word_pos: &'a mut u64,
}

impl Draws<'_> {
    fn next(&mut self) -> u64 {
        // Two words a draw.
        *self.word_pos += 2;
        self.rng.next_u64()
    }

    /// A whole number from 0 up to but without `bound`; 0 for a bound of 0. Its bias is below bound / 2^64.
    pub fn below(&mut self, bound: u64) -> u64 {
        let product = u128::from(self.next()) * u128::from(bound);
        // The high half of a 128-bit product fits in 64 bits.
        (product >> 64) as u64
    }

    /// A whole number from the range, both ends included.
    pub fn within(&mut self, range: [i64; 2]) -> i64 {
        let [least, most] = range;
        // Ranges come from checked content: least <= most, both small.
        least + self.below(most.abs_diff(least) + 1) as i64
    }

    /// A number from 0 up to but without 1, in steps of 2^-53.
    pub fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 * (1.0 / (1_u64 << 53) as f64)
    }

    /// True with the given probability.
    pub fn chance(&mut self, probability: f64) -> bool {
        self.share() < probability
    }

    /// One of a slice.
    pub fn pick<'s, T>(&mut self, from: &'s [T]) -> Option<&'s T> {
        from.get(self.below(from.len() as u64) as usize)
    }

    /// One of a slice by weight.
    pub fn weighted<'s, T>(&mut self, from: &'s [T], weight: impl Fn(&T) -> u32) -> Option<&'s T> {
        let total = from.iter().map(|each| u64::from(weight(each))).sum();
        let mut left = self.below(total);
        from.iter().find(|each| {
            let weight = u64::from(weight(each));
            let hit = left < weight;
            left = left.saturating_sub(weight);
            hit
        })
    }

    /// A random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, slice: &mut [T]) {
        for last in (1..slice.len()).rev() {
            slice.swap(last, self.below(last as u64 + 1) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_goes_on_where_it_stopped() {
        let mut whole = Dice::new(7);
        let mut parts = whole.clone();
        let all: Vec<u64> = {
            let mut draws = whole.stream(Stream::Loot);
            (0..6).map(|_| draws.below(1000)).collect()
        };
        let again: Vec<u64> = (0..6).map(|_| parts.stream(Stream::Loot).below(1000)).collect();
        assert_eq!(all, again);
        assert_eq!(whole, parts);
    }

    #[test]
    fn a_draw_in_one_stream_shifts_no_other() {
        let mut quiet = Dice::new(7);
        let mut busy = quiet.clone();
        busy.stream(Stream::Travel).share();
        assert_eq!(quiet.stream(Stream::Combat).below(1 << 40), busy.stream(Stream::Combat).below(1 << 40));
    }

    /// The stream itself is part of the stored format: another version of the crate must draw the same.
    #[test]
    fn golden_stream() {
        let mut dice = Dice::new(42);
        let mut draws = dice.stream(Stream::Combat);
        let drawn: Vec<u64> = (0..4).map(|_| draws.below(1_000_000)).collect();
        assert_eq!(drawn, [227_185, 542_922, 553_112, 583_182]);
        assert_eq!(dice.word_pos[Stream::Combat as usize], 8);
    }

    #[test]
    fn ranges_and_weights_are_kept() {
        let mut dice = Dice::new(1);
        let mut draws = dice.stream(Stream::Map);
        for _ in 0..1000 {
            assert!((3..=8).contains(&draws.within([3, 8])));
            assert_ne!(draws.weighted(&[("never", 0), ("always", 3)], |each| each.1), Some(&("never", 0)));
        }
        assert_eq!(draws.within([-5, -5]), -5);
        assert_eq!(draws.pick::<u8>(&[]), None);
        assert_eq!(draws.weighted::<u8>(&[], |_| 1), None);
    }
}
