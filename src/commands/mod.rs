//! The commands: serving, and what admins and authors of content do without a server.

mod check;
mod content;
mod copy;
mod database;
mod migrate;
mod replay;
mod saves;
mod schema;
mod serve;
mod simulate;
mod system;
mod terminal;

pub use check::Check;
pub use migrate::Migrate;
pub use replay::Replay;
pub use saves::Saves;
pub use schema::Schemas;
pub use serve::Serve;
pub use simulate::Simulate;
pub use terminal::told;
