//! What every handler can reach: the sessions, the settings, and what is counted of those who ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpRequest, web};

use super::limits::Limits;
use super::problem::Problem;
use super::settings::Settings;
use super::work::Work;
use crate::session::registry::Registry;

/// One for the program, shared by all its threads.
pub struct App {
    /// Every session.
    pub registry: Arc<Registry>,
    /// Limits and deadlines.
    pub settings: Settings,
    /// The name of the cookie that carries a player's token. Each folder of saves has its own, because browsers have one jar for all
    /// ports of a host.
    pub cookie: String,
    /// How often somebody may come.
    pub limits: Limits,
    /// How much somebody may have done.
    pub work: Work,
    shutting_down: AtomicBool,
}

impl App {
    /// For a server that begins.
    pub fn new(registry: Arc<Registry>, settings: Settings) -> Self {
        let cookie = format!("cosmic_{}", registry.mark());
        let (limits, work) = (Limits::new(&settings, &registry), Work::new(&settings, &registry));
        Self { registry, settings, cookie, limits, work, shutting_down: AtomicBool::new(false) }
    }

    /// That of the server a request came to.
    pub fn of(request: &HttpRequest) -> Result<&web::Data<Self>, Problem> {
        request.app_data().ok_or_else(Problem::not_set_up)
    }

    /// Whether the server stops.
    pub fn is_shutting_down(&self) -> bool {
        self.shutting_down.load(Ordering::Relaxed)
    }

    /// From now on the server stops.
    pub fn shut_down(&self) {
        self.shutting_down.store(true, Ordering::Relaxed);
    }
}
