//! What an action can cost at worst, and how it could end the voyage: said before it is taken. All of it follows from what the
//! player can know; nothing is drawn.

use super::plan::{Act, Plan};
use super::step::Step;
use crate::game::content::{Content, Effect, EventDef};
use crate::game::state::{End, Game, Sight};
use crate::game::stats::Stats;
use crate::game::table::Ix;

/// The worst that can come of an action.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Risk {
    /// Points of the hull, or of the pod's, that it may cost, with shields taken off.
    pub hull: i64,
    /// How the voyage could end with it.
    pub end: Option<End>,
}

/// What a plan may cost at worst.
pub fn risk(game: &Game, content: &Content, plan: &Plan) -> Risk {
    let stats = Stats::of(game, content);
    let harm = Harm::of(game, content, plan);
    let asks = matches!(plan.act, Act::Choose(_));
    let turn = plan.cost.turns > 0;
    let upkeep = &content.balance.upkeep;
    let hunger = if turn && game.food < upkeep.food { upkeep.hunger } else { 0 };

    let (hull, broken) = if let Some(pod) = game.pod.as_ref().filter(|pod| pod.ejected) {
        let loss = spared(game, content, harm.hull).min(pod.hp);
        (loss, (loss >= pod.hp).then_some(End::PodLost))
    } else {
        let loss = (harm.hull - stats.shield - harm.shield).max(0);
        let hull = (game.hull + harm.mended).min(stats.max_hp.max(game.hull));
        // Who has a pod goes on in it.
        (loss.min(hull), (loss >= hull && game.pod.is_none()).then_some(End::ShipLost))
    };
    let died = (harm.health + hunger >= game.health).then_some(End::Died);
    let late = (turn && game.turn + plan.cost.turns >= content.balance.limits.turns).then_some(End::OutOfTurns);
    let end = died.filter(|_| harm.health + hunger > 0).or(broken.filter(|_| harm.hull > 0));
    let end = end.or_else(|| strands(game, content, &stats, plan, harm.fuel).then_some(End::Stranded)).or(late);
    // What an answer leads to is not told before, but that it may be the last.
    Risk { hull: if asks { 0 } else { hull }, end }
}

/// The worst of everything that chance decides.
#[derive(Clone, Copy, Debug, Default)]
struct Harm {
    hull: i64,
    health: i64,
    fuel: i64,
    /// What comes before the harm.
    mended: i64,
    shield: i64,
}

impl Harm {
    fn of(game: &Game, content: &Content, plan: &Plan) -> Self {
        let certain = plan.odds.is_some_and(|odds| odds >= 1.0);
        let balance = &content.balance;
        let hull = |hull| Self { hull, ..Self::default() };
        match &plan.act {
            Act::Navigate(_) | Act::Jump(_) if game.in_pod() => hull(content.pod.damage),
            Act::Navigate(node) => {
                let hazard = content.balance.difficulty.of(game.difficulty).hazard * game.map.nodes[*node].danger;
                let passage = if hazard > 0.0 { balance.travel.hazard_damage[1] } else { 0 };
                let met = Self::worst(&endings(game, content, plan));
                Self { hull: passage + met.hull, ..met }
            }
            Act::Mine if !certain => hull(balance.mine.damage[1]),
            Act::Salvage if !certain && balance.salvage.hurt > 0.0 => hull(balance.salvage.damage[1]),
            Act::Combat(_) => hull(blow(game, content, 1.0)),
            Act::Flee if !certain => hull(blow(game, content, balance.combat.flee_damage)),
            Act::Negotiate if !certain => hull(blow(game, content, 1.0)),
            Act::UseItem(item) if game.combat.is_some() => {
                let effect = content.items[*item].effect.as_ref();
                let shielded = game.effects.iter().any(|effect| effect.duration > 0 && effect.shield > 0);
                Self {
                    hull: blow(game, content, 1.0),
                    mended: effect.map_or(0, |effect| effect.ship_condition),
                    shield: effect.map_or(0, |effect| if shielded { 0 } else { effect.temp_hp }),
                    ..Self::default()
                }
            }
            Act::Choose(_) => Self::worst(&endings(game, content, plan)),
            _ => Self::default(),
        }
    }

    fn worst(endings: &[&[Effect]]) -> Self {
        let mut worst = Self::default();
        for effects in endings {
            let mut sum = Self::default();
            for effect in *effects {
                match effect {
                    Effect::Hull { amount } => sum.hull += (-amount[0]).max(0),
                    Effect::Health { amount } => sum.health += (-amount[0]).max(0),
                    Effect::Fuel { amount } => sum.fuel += (-amount[0]).max(0),
                    _ => {}
                }
            }
            worst.hull = worst.hull.max(sum.hull);
            worst.health = worst.health.max(sum.health);
            worst.fuel = worst.fuel.max(sum.fuel);
        }
        worst
    }
}

/// What happens on arrival without asking. Where the kind of the place is not known, everything that can happen there.
fn met<'a>(game: &Game, content: &'a Content, node: usize) -> Vec<&'a [Effect]> {
    let region = game.map.regions[game.map.nodes[node].region()].kind;
    let kind = (game.places[node].sight == Sight::Charted).then(|| game.map.nodes[node].kind);
    let fits = |(ix, event): &(Ix<EventDef>, &EventDef)| {
        !(event.once && game.past.contains(ix))
            && (event.regions.is_empty() || event.regions.iter().any(|each| each.ix() == region))
            && (event.nodes.is_empty() || kind.is_none_or(|kind| event.nodes.iter().any(|each| each.ix() == kind)))
    };
    content.events.iter().filter(fits).map(|(_, event)| event.effects.as_slice()).collect()
}

/// What an action may lead to by what it meets: an ending each.
fn endings<'a>(game: &Game, content: &'a Content, plan: &Plan) -> Vec<&'a [Effect]> {
    match (&plan.act, game.event) {
        (Act::Navigate(node), _) => met(game, content, *node),
        (Act::Choose(at), Some(event)) => {
            content.events[event].choices[*at].outcomes.iter().map(|ending| ending.effects.as_slice()).collect()
        }
        _ => Vec::new(),
    }
}

/// Takes away, at worst, what an ending takes of what fuel could be bought with.
fn impoverish(game: &mut Game, ending: &[Effect]) {
    for effect in ending {
        match effect {
            Effect::Credits { amount } => game.wealth = (game.wealth + amount[0].min(0)).max(0),
            Effect::Take { item, quantity } => {
                for stack in game.cargo.iter_mut().filter(|stack| stack.item == item.ix()) {
                    stack.quantity = (stack.quantity - quantity[1]).max(0);
                }
                game.cargo.retain(|stack| stack.quantity > 0);
            }
            _ => {}
        }
    }
}

/// The hardest hit of the enemy.
fn blow(game: &Game, content: &Content, force: f64) -> i64 {
    let Some(fight) = game.combat else { return 0 };
    let damage = content.enemies[fight.enemy].combat_power + content.balance.combat.enemy_spread;
    let factor = content.balance.difficulty.of(game.difficulty).enemy_damage * force;
    (libm::round(damage as f64 * factor) as i64).max(1)
}

/// What is left of damage behind the pod's armour.
pub(super) fn spared(game: &Game, content: &Content, amount: i64) -> i64 {
    let fitted = game.pod.iter().flat_map(|pod| &pod.augmentations);
    let spared: f64 = fitted.filter_map(|fitted| content.augmentations[*fitted].effects.damage_reduction).sum();
    libm::round(amount as f64 * (1.0 - spared.min(1.0))) as i64
}

/// Whether it may leave the player where there is no fuel to go on.
fn strands(game: &Game, content: &Content, stats: &Stats, plan: &Plan, lost: i64) -> bool {
    let left = (game.fuel - plan.cost.fuel - lost).max(0);
    // Enough for a route is enough; most turns end here. Another ship burns more, but not ten times as much.
    let refit = matches!(plan.act, Act::BuyShip(_) | Act::BuyMod(_) | Act::RemoveMod(_) | Act::BuyAugmentation(_));
    let enough = stats.move_fuel(content) * if refit { 10 } else { 1 };
    if left >= enough && game.map.ways(game.here).next().is_some() {
        return false;
    }
    let mut next = game.clone();
    next.fuel = left;
    next.wealth -= plan.cost.credits;
    next.combat = None;
    next.event = None;
    let known = |node: &usize| game.places[*node].sight == Sight::Charted;
    let mut unknown = false;
    match &plan.act {
        Act::Navigate(node) => {
            next.here = *node;
            unknown = !known(node);
        }
        Act::Jump(region) => {
            let mut nodes = game.map.regions[*region].nodes.clone();
            let dock = nodes.clone().find(|node| known(node) && game.map.nodes[*node].dock());
            let seen = nodes.clone().find(|node| game.places[*node].sight > Sight::Unknown);
            unknown = dock.is_none();
            // Every region has places.
            next.here = dock.or(seen).or_else(|| nodes.next()).unwrap_or(game.here);
        }
        // Whatever ends a fight leaves the player where they are.
        Act::UseItem(_) if game.combat.is_some() => {}
        // Certain to the last unit: done to the copy.
        act if plan.cost.turns == 0 && !matches!(act, Act::Flee | Act::Negotiate | Act::Combat(_) | Act::Choose(_)) => {
            let act = act.clone();
            let mut step = Step::new(&mut next, content);
            step.perform(act, plan.cost, plan.gain, 1.0);
            return step.stranded();
        }
        _ => {}
    }
    next.turn += plan.cost.turns;
    let met = endings(game, content, plan);
    // Nothing may be met at all.
    std::iter::once(&[][..]).chain(met).any(|ending| {
        let mut next = next.clone();
        impoverish(&mut next, ending);
        let mut step = Step::new(&mut next, content);
        if plan.cost.turns > 0 {
            // Work that is late by then costs money for fuel.
            step.expire_quests();
        }
        if unknown { step.stuck_without_dock() } else { step.stranded() }
    })
}
