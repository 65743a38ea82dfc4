//! The calls for the daily challenge: the day, its boards, and the replays of those that are over. Open to everybody.

use actix_web::http::header::CACHE_CONTROL;
use actix_web::{HttpResponse, web};
use serde::Deserialize;

use super::answer::{Answer, json, sorted_json};
use super::app::App;
use super::code::Code;
use super::extract::OptionalPlayer;
use super::problem::Problem;
use super::query::Query;
use super::view::board::{BoardView, DifficultyView, PastDayView, StandingView, TodayView};
use crate::game::content::Difficulty;
use crate::model::{BoardName, Day};
use crate::session::SessionError;

/// Entries in a page of a board, when nothing else is asked and at the most.
const MAX_PAGE: usize = 100;

/// The day, and what of the day before can be told.
pub async fn today(app: web::Data<App>, player: OptionalPlayer) -> Answer {
    let date = app.core.today();
    let yesterday = date.before(1);
    let mut difficulties = Vec::new();
    for difficulty in Difficulty::ALL {
        let goal = app.contents.present().balance.difficulty.of(difficulty).goal;
        let entries = app.judge.board(BoardName { date, difficulty }).await?.standings.len();
        difficulties.push(DifficultyView { difficulty, goal, entries });
    }
    let yesterday = PastDayView { date: yesterday, seed: app.judge.seed_of(yesterday).await };
    let unsettled = app.core.clock().unsettled_secs;
    let body = TodayView {
        date,
        ends_at: date.ends_at(),
        difficulties,
        yesterday,
        begun: player.0.map(|player| app.beginnings.begun_today(player)),
        retry_after: (unsettled > 0).then_some(unsettled),
    };
    Ok(sorted_json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")), &body))
}

/// The query of a page of a board.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Page {
    /// Today, where none is given.
    date: Option<Day>,
    /// `normal`, where none is given.
    #[serde(default)]
    difficulty: Difficulty,
    /// Entries after this rank.
    #[serde(default)]
    after: usize,
    /// Entries in the page.
    limit: Option<usize>,
}

/// A page of a board.
pub async fn board(app: web::Data<App>, player: OptionalPlayer, page: Query<Page>) -> Answer {
    let Page { date, difficulty, after, limit } = page.0;
    let limit = limit.unwrap_or(MAX_PAGE);
    if !(1..=MAX_PAGE).contains(&limit) {
        return Err(Problem::new(Code::BadQuery, format!("A page has 1 to {MAX_PAGE} entries.")));
    }
    let date = date.unwrap_or_else(|| app.core.today());
    let board = app.judge.board(BoardName { date, difficulty }).await?;
    let own = player.0.and_then(|player| board.rank_of(player));
    let ranked = (1..).zip(&board.standings).skip(after).take(limit);
    let entries: Vec<_> = ranked.map(|(rank, standing)| StandingView::of(rank, standing, own)).collect();
    let (total, last) = (board.standings.len(), after.saturating_add(entries.len()));
    let body = BoardView {
        date,
        difficulty,
        ends_at: date.ends_at(),
        total,
        entries,
        next_after: (last < total).then_some(last),
        your_rank: player.0.map(|_| own),
        seed: app.judge.seed_of(date).await,
    };
    Ok(sorted_json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")), &body))
}

/// The game of an entry, to be played again.
pub async fn replay(app: web::Data<App>, _: OptionalPlayer, path: web::Path<(String, String, String)>) -> Answer {
    let (date, difficulty, rank) = path.into_inner();
    let date = date.parse().map_err(|_| SessionError::NoBoard)?;
    let difficulty = BoardName::difficulty(&difficulty).ok_or(SessionError::NoBoard)?;
    let rank = rank.parse().map_err(|_| SessionError::NoEntry)?;
    let replay = app.judge.board_replay(BoardName { date, difficulty }, rank).await?;
    Ok(json(HttpResponse::Ok().insert_header((CACHE_CONTROL, "no-store")), &replay))
}
