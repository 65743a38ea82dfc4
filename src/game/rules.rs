//! The rules: what each action needs, costs and does.
//!
//! [`plan()`] asks, [`apply`] does. An action is first turned into a plan: every id looked up, every need checked, the price
//! fixed. What is offered and what is charged come from the same plan, so they cannot differ; a refusal comes before
//! anything has changed.

mod achieve;
mod begin;
mod cargo;
mod combat;
mod damage;
mod dock;
mod events;
mod plan;
mod quest;
mod risk;
mod step;
mod travel;
mod upkeep;
mod work;

pub use begin::begin;
pub use cargo::{Prices, usual_price, usual_value};
pub use combat::{enemy_hit_chance, flee_chance, hit_chance, seek_chance};
pub use plan::Plan;
pub use quest::wanting;
pub use risk::{Risk, risk};
pub use work::scan_chance;

use self::plan::{Act, Ask};
use self::step::Step;
use super::action::{Action, ActionError, Code, Cost, refuse};
use super::content::Content;
use super::event::Outcome;
use super::grammar::count;
use super::state::{End, Game};
use super::stats::Stats;
use super::story;

/// What an action would cost and how it may go, or why it is refused.
pub fn plan(game: &Game, content: &Content, action: &Action) -> Result<Plan, ActionError> {
    gate(game, action)?;
    let ask = Ask { game, content, stats: Stats::of(game, content) };
    let plan = match action {
        Action::Navigate { node } => travel::plan_navigate(&ask, node),
        Action::Jump { region } => travel::plan_jump(&ask, region),
        Action::Scan {} => Ok(work::plan_scan(&ask)),
        Action::Mine {} => work::plan_mine(&ask),
        Action::Salvage {} => work::plan_salvage(&ask),
        Action::Wait {} => Ok(Plan::new(Act::Wait).turn()),
        Action::Repair {} => dock::plan_repair(&ask),
        Action::Refuel { amount } => dock::plan_refuel(&ask, amount.get().into()),
        Action::BuyFood { amount } => dock::plan_buy_food(&ask, amount.get().into()),
        Action::BuyShip { ship } => dock::plan_buy_ship(&ask, ship),
        Action::BuyMod { r#mod } => dock::plan_buy_mod(&ask, r#mod),
        Action::RemoveMod { r#mod } => dock::plan_remove_mod(&ask, r#mod),
        Action::BuyPod {} => dock::plan_buy_pod(&ask),
        Action::BuyAugmentation { augmentation } => dock::plan_buy_augmentation(&ask, augmentation),
        Action::BuyItem { item, quantity } => cargo::plan_buy(&ask, item, quantity.get().into()),
        Action::SellItem { item, quantity } => cargo::plan_sell(&ask, item, quantity.get().into()),
        Action::UseItem { item } => cargo::plan_use(&ask, item),
        Action::ConsumeFood { amount } => cargo::plan_eat(&ask, amount.get().into()),
        Action::AcceptQuest { quest } => quest::plan_accept(&ask, quest),
        Action::AbandonQuest { quest } => quest::plan_abandon(&ask, quest),
        Action::TurnInQuest { quest } => quest::plan_turn_in(&ask, quest),
        Action::Choose { choice } => events::plan_choose(&ask, choice),
        Action::SeekFight {} => combat::plan_seek(&ask),
        Action::Combat { r#move } => combat::plan_move(&ask, r#move),
        Action::Flee {} => combat::plan_flee(&ask),
        Action::Negotiate {} => combat::plan_negotiate(&ask),
    }?;
    if free(game, &plan) && game.free_actions >= content.balance.limits.free_actions {
        return refuse(
            Code::TurnNeeded,
            "Enough arranged for one turn. Travel, scan, work or wait before anything else.",
        );
    }
    let Cost { fuel, credits, .. } = plan.cost;
    if fuel > game.fuel {
        let hint = "Refuel at a dock, or use a fuel cell.";
        return refuse(Code::NotEnoughFuel, format!("This takes {fuel} fuel and you have {}. {hint}", game.fuel));
    }
    if credits > game.wealth {
        let hint = "Sell cargo or finish a quest.";
        return refuse(
            Code::NotEnoughCredits,
            format!("This costs {} and you have {}. {hint}", count(credits, "credit", "credits"), game.wealth),
        );
    }
    Ok(plan)
}

/// Applies an action to a copy. A refused one leaves nothing behind.
pub fn apply(game: &Game, content: &Content, action: &Action) -> Result<(Game, Outcome), ActionError> {
    let Plan { cost, act, gain, odds, .. } = plan(game, content, action)?;
    let mut next = game.clone();
    if cost.turns == 0 && next.combat.is_none() && next.event.is_none() {
        next.free_actions += 1;
    }
    next.fuel -= cost.fuel;
    next.wealth -= cost.credits;
    next.statistics.credits_spent += cost.credits;
    let mut step = Step::new(&mut next, content);
    // Without odds nothing is left to chance.
    step.perform(act, cost, gain, odds.unwrap_or(1.0));
    if cost.turns > 0 {
        step.upkeep();
    }
    step.judge();
    step.remember();
    let events = step.events;
    let message = story::tell(content, &events);
    Ok((next, Outcome { cost, events, message }))
}

/// What may be asked at all: a finished game, a fight and an event each leave little.
fn gate(game: &Game, action: &Action) -> Result<(), ActionError> {
    if let Some(end) = game.end {
        let how = if end == End::Victory { "won" } else { "over" };
        return refuse(Code::GameOver, format!("This game is {how}. Start a new one."));
    }
    let answer = matches!(action, Action::Choose { .. });
    if game.event.is_some() && !answer {
        return refuse(Code::ChoicePending, "Something waits for your answer. Choose first.");
    }
    if game.event.is_none() && answer {
        return refuse(Code::NoChoicePending, "Nothing waits for an answer.");
    }
    let fights = matches!(action, Action::Combat { .. } | Action::Flee {} | Action::Negotiate {});
    if game.combat.is_some() && !fights && !matches!(action, Action::UseItem { .. }) {
        return refuse(Code::InCombat, "You are in a fight. Fight, flee, negotiate or use an item.");
    }
    if game.combat.is_none() && fights {
        return refuse(Code::NotInCombat, "There is no fight.");
    }
    Ok(())
}

/// Whether a plan counts as a free action: no turn, and neither a round of a fight nor an answer.
fn free(game: &Game, plan: &Plan) -> bool {
    plan.cost.turns == 0 && game.combat.is_none() && game.event.is_none()
}
