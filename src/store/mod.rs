//! What outlives the process.

mod error;
pub mod folder;

pub use error::{StoreError, Thing};
pub use folder::{BeginAnew, Opened, Settings, Store, StoreReport, disk, log};
