//! The browser game, played in headless Chromium against the real server. `scripts/test` has what these need and runs them:
//! chromium, chromedriver, and axe-core in `target/browser/axe.min.js`.

mod driver;
#[path = "../it/patience.rs"]
#[allow(dead_code, reason = "the other tests need more of it")]
mod patience;
mod server;

mod below;
mod chart;
mod dangers;
mod document;
mod keyboard;
mod layout;
mod looks;
mod network;
mod odd;
mod pictures;
mod play;
mod quiet;
mod saves;
mod slips;
mod words;
