//! The suite over PostgreSQL: each opening finds what a node that was killed would have left.

use cosmic_explorer::store::{Opened, postgres};

use super::Bed;
use crate::cluster::Database;
use crate::voyage::RUNTIME;

impl Bed for Database {
    fn open(&self) -> Opened {
        RUNTIME.block_on(postgres::open(self.settings())).expect("it opens")
    }
}

crate::store_suite!(Database::new());
