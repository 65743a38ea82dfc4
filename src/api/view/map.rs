//! What a player knows of the star map: `GET /api/sessions/{id}/map`, and the place in a state.

use serde::Serialize;

use super::figure::round;
use crate::game::content::Content;
use crate::game::map::StarMap;
use crate::game::state::{Game, Sight};
use crate::model::SessionId;
use crate::session::game_session::Snapshot;

/// The known part of the star map.
#[derive(Debug, Serialize)]
pub struct MapView<'a> {
    /// The game.
    pub session_id: SessionId,
    /// The revision it is known at.
    pub revision: u64,
    /// The region the player is in.
    pub current_region_id: String,
    /// The place the player is at.
    pub current_node_id: String,
    /// Those the player knows of.
    pub regions: Vec<ChartedRegionView<'a>>,
}

/// A region with its places.
#[derive(Debug, Serialize)]
pub struct ChartedRegionView<'a> {
    /// The region itself.
    #[serde(flatten)]
    pub region: RegionView<'a>,
    /// Those the player knows of.
    pub nodes: Vec<NodeView<'a>>,
}

/// A region.
#[derive(Debug, Serialize)]
pub struct RegionView<'a> {
    /// As `jump` takes it.
    pub id: String,
    /// Its kind, an id of the content.
    pub r#type: &'a str,
    /// For people.
    pub name: &'a str,
    /// In map units.
    pub position: [f64; 2],
    /// How dangerous it is; 0 is safe.
    #[serde(serialize_with = "round")]
    pub danger_level: f64,
    /// Regions of the player's map that a jump leads to.
    pub connections: Vec<String>,
}

/// A place.
#[derive(Debug, Serialize)]
pub struct NodeView<'a> {
    /// As `navigate` takes it.
    pub id: String,
    /// For people.
    pub name: &'a str,
    /// In map units.
    pub position: [f64; 2],
    /// Whether the player has been there.
    pub visited: bool,
    /// Whether more than name and position is known.
    pub charted: bool,
    /// The rest, if it is charted.
    #[serde(flatten)]
    pub chart: Option<ChartView<'a>>,
}

/// What is known of a charted place.
#[derive(Debug, Serialize)]
pub struct ChartView<'a> {
    /// Its kind, an id of the content.
    pub r#type: &'a str,
    /// Whether there is a repair dock.
    pub has_repair: bool,
    /// Whether there is a trade dock.
    pub has_trade: bool,
    /// How dangerous it is; 0 is safe.
    #[serde(serialize_with = "round")]
    pub danger_level: f64,
    /// Known places that a route leads to.
    pub connections: Vec<String>,
}

impl<'a> MapView<'a> {
    /// Of a snapshot.
    pub fn of(snapshot: &'a Snapshot) -> Self {
        let (game, content) = (&*snapshot.game, &*snapshot.content);
        let known = (0..game.map.regions.len()).filter(|region| game.knows_region(*region));
        Self {
            session_id: snapshot.id,
            revision: snapshot.revision,
            current_region_id: StarMap::region_id(game.region()),
            current_node_id: game.map.node_id(game.here),
            regions: known.map(|at| ChartedRegionView::of(game, content, at)).collect(),
        }
    }
}

impl<'a> ChartedRegionView<'a> {
    fn of(game: &'a Game, content: &'a Content, at: usize) -> Self {
        let nodes = game.map.regions[at].nodes.clone().filter(|node| game.places[*node].sight > Sight::Unknown);
        Self {
            region: RegionView::of(game, content, at),
            nodes: nodes.map(|node| NodeView::of(game, content, node)).collect(),
        }
    }
}

impl<'a> RegionView<'a> {
    /// Of a region, by its number.
    pub fn of(game: &'a Game, content: &'a Content, at: usize) -> Self {
        let region = &game.map.regions[at];
        let known = region.connections.iter().filter(|to| game.knows_region(**to));
        Self {
            id: StarMap::region_id(at),
            r#type: content.regions.id(region.kind),
            name: &region.name,
            position: region.position,
            danger_level: content.regions[region.kind].danger,
            connections: known.map(|to| StarMap::region_id(*to)).collect(),
        }
    }
}

impl<'a> NodeView<'a> {
    /// Of a place, by its number.
    pub fn of(game: &'a Game, content: &'a Content, at: usize) -> Self {
        let node = &game.map.nodes[at];
        let place = &game.places[at];
        let known = game.map.ways(at).filter(|to| game.places[*to].sight > Sight::Unknown);
        let chart = (place.sight == Sight::Charted).then(|| ChartView {
            r#type: content.nodes.id(node.kind),
            has_repair: node.repair,
            has_trade: node.trade,
            danger_level: node.danger,
            connections: known.map(|to| game.map.node_id(to)).collect(),
        });
        Self {
            id: game.map.node_id(at),
            name: game.map.name(at),
            position: node.position,
            visited: place.visited,
            charted: chart.is_some(),
            chart,
        }
    }
}
