//! The integration tests, in one binary. `play` and `server` are what the others stand on.

mod architecture;
mod binary;
mod commands;
mod content;
mod crash;
mod damage;
mod failing;
mod faults;
mod golden;
mod guards;
mod http;
mod idempotency;
mod laws;
mod lifecycle;
mod packs;
mod play;
mod power;
mod presence;
mod rubbish;
mod server;
mod sim;
mod slots;
mod tokens;
mod voyage;
mod wire;
mod worth;
