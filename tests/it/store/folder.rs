//! The suite over the folder, on a simulated disk: each opening finds what a kill would have left.

use std::sync::Arc;

use cosmic_explorer::store::{Appended, Opened, folder};
use parking_lot::Mutex;

use super::{Bed, append};
use crate::sim::{End, SimDisk};
use crate::voyage::{RUNTIME, STORE};

struct Disk(Mutex<SimDisk>, End);

impl Disk {
    fn new(end: End) -> Self {
        Self(Mutex::new(SimDisk::new()), end)
    }
}

impl Bed for Disk {
    fn open(&self) -> Opened {
        let mut disk = self.0.lock();
        *disk = disk.after(self.1);
        let _inside = RUNTIME.enter();
        folder::open_on(Arc::new(disk.clone()), STORE).expect("it opens")
    }
}

mod killed {
    crate::store_suite!(Some(super::Disk::new(super::End::Killed)));
}

mod power_cut {
    crate::store_suite!(Some(super::Disk::new(super::End::PowerCut)));
}

#[test]
fn a_turn_that_the_disk_refuses_is_not_there() {
    let bed = Disk::new(End::PowerCut);
    let store = bed.open().store;
    let mut played = super::create(&*store, 60);
    played.play(&*store);
    let disk = bed.0.lock().clone();
    disk.stop_at(disk.count());
    let (refused, _) = played.next();
    assert!(matches!(append(&*store, refused), Appended::Failed(_)));
    disk.stop_at(0);
    drop(store);
    played.check(&*bed.open().store);
}
