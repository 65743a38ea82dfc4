//! Places in memory: a session holds one from before anything is awaited for it until it has left.

use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A place among the sessions in memory: held by one, or reserved for one on its way.
pub type Place = OwnedSemaphorePermit;

/// All places, of which there can be more or fewer while the server runs.
pub(super) struct Places {
    free: Arc<Semaphore>,
    /// Places that are taken beyond a limit that was lowered; they are given up as they come free.
    debt: Mutex<usize>,
}

impl Places {
    pub fn new(limit: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(limit.min(Semaphore::MAX_PERMITS))), debt: Mutex::default() }
    }

    fn debt(&self) -> MutexGuard<'_, usize> {
        self.debt.lock()
    }

    /// Gives up free places that are beyond the limit.
    fn pay(&self, debt: &mut usize) {
        *debt -= self.free.forget_permits(*debt);
    }

    /// Another limit from now on.
    pub fn change_limit(&self, old: usize, new: usize) {
        let mut debt = self.debt();
        *debt += old.saturating_sub(new);
        let more = new.saturating_sub(old);
        let paid = more.min(*debt);
        *debt -= paid;
        self.free.add_permits(more - paid);
        self.pay(&mut debt);
    }

    /// A free place, if there is one within the limit.
    pub fn take(&self) -> Option<Place> {
        self.pay(&mut self.debt());
        self.free.clone().try_acquire_owned().ok()
    }

    /// A place that somebody has left, unless it is beyond the limit.
    pub fn hand_on(&self, place: Place) -> Option<Place> {
        let mut debt = self.debt();
        if *debt == 0 {
            return Some(place);
        }
        *debt -= 1;
        place.forget();
        None
    }

    /// Whether more places are taken than there can be.
    pub fn is_crowded(&self) -> bool {
        let mut debt = self.debt();
        self.pay(&mut debt);
        *debt > 0
    }

    /// Places that are taken, of so many.
    pub fn taken(&self, limit: usize) -> usize {
        (limit + *self.debt()).saturating_sub(self.free.available_permits())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_limit_that_was_lowered_is_reached_as_places_come_free() {
        let places = Places::new(3);
        let mut held: Vec<_> = (0..3).map(|_| places.take().expect("a place")).collect();
        assert!(places.take().is_none() && !places.is_crowded());
        places.change_limit(3, 1);
        assert_eq!((places.is_crowded(), places.taken(1)), (true, 3));
        let left = held.pop().expect("a place");
        assert!(places.hand_on(left).is_none(), "it is beyond the limit");
        drop(held.pop());
        assert_eq!((places.is_crowded(), places.taken(1)), (false, 1));
        assert!(places.take().is_none());
        let left = held.pop().expect("a place");
        assert!(places.hand_on(left).is_some());
        places.change_limit(1, 2);
        assert!(places.take().is_some());
    }
}
