//! What every handler can reach: the services, the settings, and what is counted of those who ask.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::{HttpRequest, web};

use super::limits::Limits;
use super::problem::Problem;
use super::settings::Settings;
use super::work::Work;
use crate::session::{
    Beginnings, Contents, Core, Directory, Judge, Others, Presences, Reporter, Saves, Services, Sessions, Tokens,
};

/// One for the program, shared by all its threads.
pub struct App {
    /// The store, the time and the settings of sessions.
    pub core: Arc<Core>,
    /// Which sessions there are.
    pub directory: Arc<Directory>,
    /// Which tokens count.
    pub tokens: Arc<Tokens>,
    /// What games play on.
    pub contents: Arc<Contents>,
    /// Players' sessions.
    pub sessions: Arc<Sessions>,
    /// Who is connected to them.
    pub presences: Arc<Presences>,
    /// Players' saves.
    pub saves: Arc<Saves>,
    /// Which games count in daily challenges.
    pub judge: Arc<Judge>,
    /// Who has begun daily challenges.
    pub beginnings: Arc<Beginnings>,
    /// What other servers of the store do.
    pub others: Arc<Others>,
    /// Figures of the sessions.
    pub reporter: Arc<Reporter>,
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
    pub fn new(services: Services, settings: Settings) -> Self {
        let Services { core, directory, tokens, contents, sessions, presences, .. } = services;
        let Services { saves, judge, beginnings, others, reporter, mark, .. } = services;
        let (limits, work) = (Limits::new(&settings, &core), Work::new(&settings, &core));
        Self {
            core,
            directory,
            tokens,
            contents,
            sessions,
            presences,
            saves,
            judge,
            beginnings,
            others,
            reporter,
            settings,
            cookie: format!("cosmic_{mark}"),
            limits,
            work,
            shutting_down: AtomicBool::new(false),
        }
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
