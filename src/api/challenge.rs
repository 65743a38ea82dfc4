//! The calls for the daily challenge: the day, its boards, and the replays of those that are over. Open to everybody.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Deserialize;
use serde_json::json;

use super::App;
use super::extract::Anybody;
use super::problem::Problem;
use super::query::Query;
use super::sessions::Answer;
use super::view::StandingView;
use crate::game::content::Difficulty;
use crate::model::{BoardName, Day};
use crate::session::SessionError;

/// Entries in a page of a board, when nothing else is asked and at the most.
const PAGE: usize = 100;

pub(super) async fn today(app: web::Data<App>, player: Anybody) -> Answer {
    let registry = &app.registry;
    let date = registry.today();
    let yesterday = date.before(1);
    let mut difficulties = Vec::new();
    for difficulty in Difficulty::ALL {
        difficulties.push(json!({
            "difficulty": difficulty,
            "goal": registry.content().difficulty(difficulty).goal,
            "entries": registry.board(BoardName { date, difficulty }).await?.standings.len(),
        }));
    }
    let mut body = json!({
        "date": date,
        "ends_at": date.ends_at(),
        "difficulties": difficulties,
        "yesterday": { "date": yesterday, "seed": registry.seed_of(yesterday).await },
    });
    if let Some(player) = player.0 {
        body["begun"] = json!(registry.begun_today(player));
    }
    let unsettled = registry.clock().unsettled_secs;
    if unsettled > 0 {
        body["retry_after"] = json!(unsettled);
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Page {
    /// Today, where none is given.
    date: Option<Day>,
    #[serde(default)]
    difficulty: Difficulty,
    /// Entries after this rank.
    #[serde(default)]
    after: usize,
    limit: Option<usize>,
}

pub(super) async fn board(app: web::Data<App>, player: Anybody, page: Query<Page>) -> Answer {
    let Page { date, difficulty, after, limit } = page.0;
    let limit = limit.unwrap_or(PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::bad_query(format!("A page has 1 to {PAGE} entries.")));
    }
    let registry = &app.registry;
    let date = date.unwrap_or_else(|| registry.today());
    let board = registry.board(BoardName { date, difficulty }).await?;
    let own = player.0.and_then(|player| board.rank_of(player));
    let ranked = (1..).zip(&board.standings).skip(after).take(limit);
    let entries: Vec<_> = ranked.map(|(rank, standing)| StandingView::of(rank, standing, own)).collect();
    let last = after.saturating_add(entries.len());
    let mut body = json!({
        "date": date,
        "difficulty": difficulty,
        "ends_at": date.ends_at(),
        "total": board.standings.len(),
        "entries": entries,
        "next_after": (last < board.standings.len()).then_some(last),
    });
    if player.0.is_some() {
        body["your_rank"] = json!(own);
    }
    if let Some(seed) = registry.seed_of(date).await {
        body["seed"] = json!(seed);
    }
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(body))
}

pub(super) async fn replay(app: web::Data<App>, _: Anybody, path: web::Path<(String, String, String)>) -> Answer {
    let (date, difficulty, rank) = path.into_inner();
    let date = date.parse().map_err(|_| SessionError::NoBoard)?;
    let difficulty = BoardName::difficulty(&difficulty).ok_or(SessionError::NoBoard)?;
    let rank = rank.parse().map_err(|_| SessionError::NoEntry)?;
    let replay = app.registry.board_replay(BoardName { date, difficulty }, rank).await?;
    Ok(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")).json(replay))
}
