//! What docks do: repairs, fuel, food, ships, modules and pods.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse, refuse_more};
use crate::game::content::{Augmentation, Content, Mod, Ship, Slot};
use crate::game::event::{Event, Reason};
use crate::game::grammar::count;
use crate::game::state::{Game, PodState};
use crate::game::stats::{Stats, fitted};
use crate::game::table::Ix;

pub(super) fn plan_repair(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    ask.ship("be repaired")?;
    ask.repair_dock()?;
    let missing = stats.max_hp - game.hull;
    if missing <= 0 {
        return refuse(Code::HullFull, "The hull is whole.");
    }
    let price = content.balance.dock.repair_price;
    // At least one point, so that an empty purse is told the price.
    let points = missing.min((game.wealth / price).max(1));
    Ok(Plan::new(Act::Repair(points)).credits(points * price))
}

pub(super) fn plan_refuel(ask: &Ask<'_>, amount: i64) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    ask.dock()?;
    let room = content.balance.limits.fuel - game.fuel;
    if amount > room {
        return refuse_more(
            Code::TankFull,
            room,
            "The tank is full. Burn some of it first.",
            &format!("The tank takes {}.", count(room, "more unit of fuel", "more units of fuel")),
        );
    }
    Ok(by_the_unit(Act::Refuel(amount), game, amount, content.balance.dock.fuel_price, room))
}

pub(super) fn plan_buy_food(ask: &Ask<'_>, amount: i64) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    ask.dock()?;
    let room = content.balance.limits.food - game.food;
    if amount > room {
        return refuse_more(
            Code::StoresFull,
            room,
            "The stores are full. Eat some of them first.",
            &format!("The stores take {}.", count(room, "more ration", "more rations")),
        );
    }
    Ok(by_the_unit(Act::BuyFood(amount), game, amount, content.balance.dock.food_price, room))
}

fn by_the_unit(act: Act, game: &Game, amount: i64, price: i64, room: i64) -> Plan {
    let mut plan = Plan::new(act).credits(amount * price);
    plan.max = Some(room.min(game.wealth / price));
    plan
}

pub(super) fn plan_buy_ship(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let Some(ship) = content.ships.find(id) else {
        return refuse(Code::UnknownShip, "There is no such ship. The content lists those there are.");
    };
    ask.repair_dock()?;
    if game.ship == ship && !game.in_pod() {
        return refuse(Code::AlreadyOwned, "You fly one of these already. A repair is cheaper.");
    }
    let def = &content.ships[ship];
    if stats.used_cargo_space > def.cargo_capacity {
        let (used, room) = (stats.used_cargo_space, def.cargo_capacity);
        return refuse(
            Code::CargoFull,
            format!("Your cargo weighs {used} and her hold takes {room}. Sell some first."),
        );
    }
    let rescue = game.in_pod() && ship == content.pod.rescue_ship.ix();
    let price = if rescue { def.cost.min(content.pod.rescue_price).min(game.wealth) } else { def.cost };
    let back = refunds(game, content);
    let mut plan = Plan::new(Act::BuyShip(ship)).credits((price - back).max(0));
    plan.gain = (back - price).max(0);
    Ok(plan)
}

/// What all fitted modules count for with another ship.
fn refunds(game: &Game, content: &Content) -> i64 {
    game.mods.iter().map(|fitted| refund(content, *fitted)).sum()
}

fn refund(content: &Content, fitted: Ix<Mod>) -> i64 {
    libm::floor(content.mods[fitted].cost as f64 * content.balance.dock.refund) as i64
}

/// What the fitted modules can bring here: taken out one by one, or given in payment for another ship. What is in the hold must
/// fit without them, unless it can be sold.
pub(super) fn refit_value(game: &Game, content: &Content) -> i64 {
    if !game.node().repair || game.in_pod() {
        return 0;
    }
    let stats = Stats::of(game, content);
    let fits = |capacity: i64| game.node().trade || stats.used_cargo_space <= capacity;
    let loose = game.mods.iter().filter(|fitted| {
        !is_rig(content, **fitted) && fits(stats.cargo_capacity - content.mods[**fitted].effects.cargo_capacity)
    });
    let others = content.ships.iter().filter(|(ship, def)| *ship != game.ship && fits(def.cargo_capacity));
    let loose = loose.map(|fitted| refund(content, *fitted)).sum();
    others.map(|(_, def)| refunds(game, content) - def.cost).fold(loose, i64::max)
}

fn is_rig(content: &Content, fitted: Ix<Mod>) -> bool {
    content.mods[fitted].slot == Slot::Rig
}

pub(super) fn plan_buy_mod(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let Some(wanted) = content.mods.find(id) else {
        return refuse(Code::UnknownMod, "There is no such module. The content lists those there are.");
    };
    ask.ship("be fitted")?;
    ask.repair_dock()?;
    if game.mods.contains(&wanted) {
        return refuse(Code::AlreadyFitted, "A ship takes one of a kind, and this one is fitted.");
    }
    let def = &content.mods[wanted];
    if fitted(game, content, def.slot) >= usize::from(content.ships[game.ship].slots.of(def.slot)) {
        return refuse(Code::NoFreeSlot, "Every slot of that kind is taken. Remove a module, or fly a larger ship.");
    }
    Ok(Plan::new(Act::BuyMod(wanted)).credits(def.cost))
}

pub(super) fn plan_remove_mod(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let Some(unwanted) = content.mods.find(id) else {
        return refuse(Code::UnknownMod, "There is no such module. The content lists those there are.");
    };
    ask.ship("be fitted")?;
    ask.repair_dock()?;
    if !game.mods.contains(&unwanted) {
        return refuse(Code::NotFitted, "This module is not fitted.");
    }
    let def = &content.mods[unwanted];
    if is_rig(content, unwanted) {
        return refuse(Code::PermanentRig, "A rig is part of the ship. It goes only with the hull.");
    }
    if stats.used_cargo_space > stats.cargo_capacity - def.effects.cargo_capacity {
        return refuse(Code::CargoFull, "The cargo would not fit without it. Sell some first.");
    }
    let mut plan = Plan::new(Act::RemoveMod(unwanted));
    plan.gain = refund(content, unwanted);
    Ok(plan)
}

pub(super) fn plan_buy_pod(ask: &Ask<'_>) -> Result<Plan, ActionError> {
    ask.dock()?;
    if ask.game.pod.is_some() {
        return refuse(Code::AlreadyOwned, "There is a pod already, and room for one.");
    }
    Ok(Plan::new(Act::BuyPod).credits(ask.content.pod.cost))
}

pub(super) fn plan_buy_augmentation(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let Some(wanted) = content.augmentations.find(id) else {
        return refuse(Code::UnknownAugmentation, "There is no such augmentation. The content lists those there are.");
    };
    ask.ship("be augmented while you sit in it")?;
    let Some(pod) = &game.pod else {
        return refuse(Code::NoPod, "There is no pod to fit it to. Docks sell pods.");
    };
    ask.dock()?;
    if pod.fresh {
        return refuse(Code::PodTooNew, "The pod is still being tested. Come back after a turn.");
    }
    if pod.augmentations.contains(&wanted) {
        return refuse(Code::AlreadyFitted, "The pod has one already.");
    }
    let def = &content.augmentations[wanted];
    let taken = pod.augmentations.iter().any(|fitted| content.augmentations[*fitted].slot == def.slot);
    if taken || pod.augmentations.len() >= content.pod.max_augmentations {
        return refuse(
            Code::AugmentationSlotTaken,
            "The pod takes one augmentation of each slot type, and this one is taken.",
        );
    }
    Ok(Plan::new(Act::BuyAugmentation(wanted)).credits(def.cost))
}

impl Step<'_> {
    pub(super) fn repair(&mut self, points: i64) {
        self.game.hull += points;
        self.say(Event::Repaired { amount: points });
    }

    pub(super) fn buy_ship(&mut self, ship: Ix<Ship>, gain: i64) {
        let def = &self.content.ships[ship];
        if self.game.in_pod() {
            self.game.pod = None;
        }
        self.game.ship = ship;
        self.game.statistics.ships_bought += 1;
        self.game.mods.clear();
        self.game.hull = self.stats().max_hp;
        self.say(Event::ShipBought { ship: self.content.ships.id(ship).to_owned(), name: def.name.clone() });
        self.credits(gain, Reason::Refund);
    }

    pub(super) fn buy_mod(&mut self, wanted: Ix<Mod>) {
        self.game.mods.push(wanted);
        let name = self.content.mods[wanted].name.clone();
        self.say(Event::ModFitted { r#mod: self.content.mods.id(wanted).to_owned(), name });
    }

    pub(super) fn remove_mod(&mut self, unwanted: Ix<Mod>, gain: i64) {
        self.game.mods.retain(|fitted| *fitted != unwanted);
        self.fit_hull();
        let name = self.content.mods[unwanted].name.clone();
        self.say(Event::ModRemoved { r#mod: self.content.mods.id(unwanted).to_owned(), name });
        self.credits(gain, Reason::Refund);
    }

    pub(super) fn buy_pod(&mut self) {
        let hp = self.content.pod.hp;
        self.game.pod = Some(PodState { hp, augmentations: Vec::new(), fresh: true, ejected: false });
        self.say(Event::PodBought {});
    }

    pub(super) fn buy_augmentation(&mut self, wanted: Ix<Augmentation>) {
        if let Some(pod) = &mut self.game.pod {
            pod.augmentations.push(wanted);
        }
        // A pod is new until it is used.
        let max = Stats::of(self.game, self.content).pod_max_hp;
        if let Some(pod) = &mut self.game.pod {
            pod.hp = max;
        }
        let name = self.content.augmentations[wanted].name.clone();
        let augmentation = self.content.augmentations.id(wanted).to_owned();
        self.say(Event::AugmentationFitted { augmentation, name });
    }
}
