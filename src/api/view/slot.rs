//! A player's saves: `/api/slots`.

use jiff::Timestamp;
use serde::Serialize;

use crate::game::content::Difficulty;
use crate::model::Save;

/// A player's saves.
#[derive(Debug, Serialize)]
pub struct SlotsView {
    /// Those that hold one, by their number.
    pub slots: Vec<SlotView>,
}

/// A save that was imported.
#[derive(Debug, Serialize)]
pub struct ImportedView {
    /// As it stands in its slot.
    #[serde(flatten)]
    pub slot: SlotView,
    /// For a new player.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
}

/// A save in a list.
#[derive(Debug, Serialize)]
pub struct SlotView {
    /// The number of the slot; 0 is the game last played.
    pub slot: u8,
    /// The name of the game.
    pub name: String,
    /// The session it was saved from.
    pub session_id: String,
    /// When that was begun.
    pub created_at: Timestamp,
    /// When it was saved.
    pub saved_at: Timestamp,
    /// The format of the save.
    pub version: u32,
    /// The revision it was saved at.
    pub revision: u64,
    /// Turns that have passed.
    pub turn_count: i64,
    /// Credits.
    pub wealth: i64,
    /// The crew's health.
    pub health: i64,
    /// Hull points.
    pub ship_condition: i64,
    /// The ship, an id of the content.
    pub ship_type: String,
    /// Where the player is, for people.
    pub place: String,
    /// As it was chosen.
    pub difficulty: Difficulty,
    /// Whether the game has ended.
    pub game_over: bool,
    /// Whether it was won.
    pub victory: bool,
    /// The version of the rules it was played under.
    pub rules: u32,
    /// The hash of the content it is played on.
    pub content: String,
}

impl SlotView {
    /// Of the save in a slot. All of it is told by the state itself.
    pub fn of(slot: u8, save: Save) -> Self {
        let stats = save.state.player_stats;
        Self {
            slot,
            name: save.name,
            session_id: save.session_id.to_string(),
            created_at: save.created_at,
            saved_at: save.saved_at,
            version: save.version,
            revision: save.revision,
            turn_count: save.state.turn_count,
            wealth: stats.wealth,
            health: stats.health,
            ship_condition: stats.ship_condition,
            ship_type: stats.ship_type,
            place: save.place,
            difficulty: save.state.difficulty,
            game_over: save.state.end.is_some(),
            victory: save.state.end.as_deref() == Some("victory"),
            rules: save.rules,
            content: save.content,
        }
    }
}
