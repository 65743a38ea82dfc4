//! What can be done now, at what cost, and why not: every action a client could show, asked of the rules themselves.

use std::num::NonZeroU32;

use super::action::{Action, ActionError};
use super::content::Content;
use super::map::StarMap;
use super::rules::{Plan, apply, plan};
use super::state::{Game, Sight};
use super::stats::Stats;

/// Everything worth asking for, accepted or refused.
#[derive(Debug)]
pub struct Offers {
    /// What would be accepted, with its plan. Quantities are 1.
    pub offered: Vec<(Action, Plan)>,
    /// What would not be, and why.
    pub refused: Vec<(Action, ActionError)>,
}

impl Offers {
    /// Of a game as it stands.
    pub fn of(game: &Game, content: &Content) -> Self {
        let mut offers = Self { offered: Vec::new(), refused: Vec::new() };
        for action in candidates(game, content) {
            match plan(game, content, &action) {
                Ok(plan) => offers.offered.push((action, plan)),
                Err(refused) => offers.refused.push((action, refused)),
            }
        }
        offers
    }
}

/// The effective stats after an action that changes the ship or the pod, if it would be accepted. Nothing is left to chance in these
/// actions, so this tells nothing of the future.
pub fn stats_after(game: &Game, content: &Content, action: &Action) -> Option<Stats> {
    let fits = matches!(
        action,
        Action::BuyMod { .. } | Action::RemoveMod { .. } | Action::BuyShip { .. } | Action::BuyAugmentation { .. }
    );
    let (next, _) = if fits { apply(game, content, action).ok()? } else { return None };
    Some(Stats::of(&next, content))
}

/// Every action that names something the player can know of here.
fn candidates(game: &Game, content: &Content) -> Vec<Action> {
    let one = NonZeroU32::MIN;
    let map = &game.map;
    let mut actions = vec![
        Action::Scan {},
        Action::Mine {},
        Action::Salvage {},
        Action::Wait {},
        Action::Repair {},
        Action::Refuel { amount: one },
        Action::BuyFood { amount: one },
        Action::ConsumeFood { amount: one },
        Action::BuyPod {},
        Action::SeekFight {},
        Action::Flee {},
        Action::Negotiate {},
    ];
    let near = map.ways(game.here).filter(|node| game.places[*node].sight > Sight::Unknown);
    actions.extend(near.map(|node| Action::Navigate { node: map.node_id(node) }));
    let regions = &map.regions[game.region()].connections;
    actions.extend(regions.iter().map(|region| Action::Jump { region: StarMap::region_id(*region) }));
    let ids = |ix| content.moves.id(ix).to_owned();
    actions.extend(content.moves.indices().map(|ix| Action::Combat { r#move: ids(ix) }));
    let ids = |ix| content.ships.id(ix).to_owned();
    actions.extend(content.ships.indices().map(|ix| Action::BuyShip { ship: ids(ix) }));
    for ix in content.mods.indices() {
        let r#mod = content.mods.id(ix).to_owned();
        let fitted = game.mods.contains(&ix);
        actions.push(if fitted { Action::RemoveMod { r#mod } } else { Action::BuyMod { r#mod } });
    }
    let ids = |ix| content.augmentations.id(ix).to_owned();
    actions.extend(content.augmentations.indices().map(|ix| Action::BuyAugmentation { augmentation: ids(ix) }));
    for ix in map.market(game.here).iter().map(|listing| listing.item) {
        actions.push(Action::BuyItem { item: content.items.id(ix).to_owned(), quantity: one });
    }
    for stack in &game.cargo {
        let item = content.items.id(stack.item).to_owned();
        actions.push(Action::SellItem { item: item.clone(), quantity: one });
        actions.push(Action::UseItem { item });
    }
    let here = game.offers.iter().filter(|offer| offer.giver == game.here);
    actions.extend(here.map(|offer| Action::AcceptQuest { quest: offer.id() }));
    for quest in &game.quests {
        actions.push(Action::TurnInQuest { quest: quest.id() });
        actions.push(Action::AbandonQuest { quest: quest.id() });
    }
    if let Some(event) = game.event {
        let choices = &content.events[event].choices;
        actions.extend(choices.iter().map(|choice| Action::Choose { choice: choice.id.clone() }));
    }
    actions
}
