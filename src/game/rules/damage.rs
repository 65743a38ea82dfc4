//! Damage, and the pod that catches who survives it.

use super::risk::spared;
use super::step::Step;
use crate::game::event::{Event, Reason};
use crate::game::rng::Stream;
use crate::game::state::{PodState, Sight};

impl Step<'_> {
    /// Damages whatever is around the player: shields first, then the hull, or the pod. A hull at 0 ejects the pod at once.
    pub(super) fn damage(&mut self, amount: i64, source: Reason) {
        if self.game.in_pod() {
            self.damage_pod(amount, source);
            return;
        }
        let mut absorbed = 0;
        for effect in &mut self.game.effects {
            let taken = effect.shield.min(amount - absorbed);
            effect.shield -= taken;
            absorbed += taken;
        }
        self.game.effects.retain(|effect| effect.shield > 0);
        let amount = (amount - absorbed).min(self.game.hull);
        self.game.hull -= amount;
        self.say(Event::Damage { amount, absorbed, pod: false, source });
        if self.game.hull == 0 {
            self.eject();
        }
    }

    /// What a move costs a pod, sometimes.
    pub(super) fn buffet_pod(&mut self) {
        let pod = &self.content.pod;
        if self.game.dice.stream(Stream::Travel).chance(pod.damage_chance) {
            self.damage_pod(pod.damage, Reason::Hazard);
        }
    }

    fn damage_pod(&mut self, amount: i64, source: Reason) {
        let content = self.content;
        let amount = spared(self.game, content, amount);
        let Some(pod) = &mut self.game.pod else { return };
        let amount = amount.min(pod.hp);
        pod.hp -= amount;
        self.say(Event::Damage { amount, absorbed: 0, pod: true, source });
    }

    /// The ship is gone. With a pod the player goes on, with their credits and what the pod's augmentations save.
    fn eject(&mut self) {
        self.end_fight();
        self.game.effects.clear();
        let Some(PodState { ejected, augmentations, .. }) = &mut self.game.pod else { return };
        *ejected = true;
        let effects: Vec<_> = augmentations.iter().map(|fitted| &self.content.augmentations[*fitted].effects).collect();
        let saved: i64 = effects.iter().map(|effect| effect.cargo_preservation).sum();
        let supplies: i64 = effects.iter().map(|effect| effect.emergency_food).sum();
        let rescue: f64 = effects.iter().filter_map(|effect| effect.rescue_chance).sum();
        self.game.mods.clear();
        self.game.statistics.pod_uses += 1;
        let towed = rescue > 0.0 && self.game.dice.stream(Stream::Travel).chance(rescue);
        self.say(Event::PodEjected { towed });
        self.save_cargo(saved);
        self.lose_quest_cargo();
        self.fuel((self.content.pod.fuel - self.game.fuel).max(0), Reason::Ejection);
        self.food(supplies, Reason::Augmentation);
        if towed && let Some(dock) = self.nearest_known_dock() {
            self.arrive(dock);
        }
    }

    /// Keeps the most valuable cargo up to a weight (and to what a pod holds); the rest is lost.
    fn save_cargo(&mut self, weight: i64) {
        let items = &self.content.items;
        let mut room = weight.min(self.content.pod.cargo_capacity);
        let mut cargo = std::mem::take(&mut self.game.cargo);
        cargo.sort_by_key(|stack| (-items[stack.item].base_value, stack.item));
        for stack in cargo {
            let each = items[stack.item].weight;
            let kept = if each == 0 { stack.quantity } else { stack.quantity.min(room / each) };
            room -= kept * each;
            self.stow(stack.item, kept);
            if kept < stack.quantity {
                self.say(Event::ItemLost {
                    item: items.id(stack.item).to_owned(),
                    name: items[stack.item].name.clone(),
                    quantity: stack.quantity - kept,
                    reason: Reason::Ejection,
                });
            }
        }
    }

    fn nearest_known_dock(&self) -> Option<usize> {
        let map = &self.game.map;
        (0..map.nodes.len())
            .filter(|node| self.game.places[*node].sight == Sight::Charted && map.nodes[*node].dock())
            .min_by(|a, b| map.distance(self.game.here, *a).total_cmp(&map.distance(self.game.here, *b)))
    }

    /// Mends the ship's hull, up to what it can hold.
    pub(super) fn mend(&mut self, points: i64, reason: Reason) {
        if self.game.in_pod() {
            return;
        }
        let amount = points.min(self.stats().max_hp - self.game.hull).max(0);
        self.game.hull += amount;
        if amount > 0 {
            self.say(Event::Hull { amount, reason });
        }
    }

    /// After a change of fitting: the hull never stands above what it can hold.
    pub(super) fn fit_hull(&mut self) {
        self.game.hull = self.game.hull.min(self.stats().max_hp);
    }
}
