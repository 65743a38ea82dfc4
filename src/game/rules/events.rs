//! Events: what happens on arrival, and the answers to what asks.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse};
use crate::game::content::{Effect, EventDef, Needs};
use crate::game::event::{Event, Reason};
use crate::game::grammar::{count, goods};
use crate::game::rng::Stream;

pub(super) fn plan_choose(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    // The gate lets nobody answer nothing.
    let Some(event) = game.event else { return refuse(Code::NoChoicePending, "Nothing waits for an answer.") };
    let choices = &content.events[event].choices;
    let Some(at) = choices.iter().position(|choice| choice.id == id) else {
        return refuse(Code::UnknownChoice, "That is not among the answers. The actions list has them.");
    };
    let Needs { credits, fuel, food, item } = &choices[at].needs;
    for (need, have, one, many) in [
        (*credits, game.wealth, "credit", "credits"),
        (*fuel, game.fuel, "unit of fuel", "units of fuel"),
        (*food, game.food, "ration", "rations"),
    ] {
        if have < need {
            let need = count(need, one, many);
            return refuse(Code::ChoiceNeeds, format!("This answer takes {need} and you have {have}. Choose another."));
        }
    }
    if let Some(item) = item.as_ref().filter(|item| game.held(item.ix()) == 0) {
        let one = goods(&content.items[item.ix()], 1);
        return refuse(Code::ChoiceNeeds, format!("This answer takes {one}, and you hold none. Choose another."));
    }
    Ok(Plan::new(Act::Choose(at)))
}

impl Step<'_> {
    /// Draws one of the events that can happen here.
    pub(super) fn happen(&mut self) {
        let content = self.content;
        let node = self.game.node().kind;
        let region = self.game.map.regions[self.game.region()].kind;
        let past = |ix| self.game.past.contains(&ix);
        let fits = |ix, event: &EventDef| {
            !(event.once && past(ix))
                && (event.regions.is_empty() || event.regions.iter().any(|each| each.ix() == region))
                && (event.nodes.is_empty() || event.nodes.iter().any(|each| each.ix() == node))
        };
        let possible: Vec<_> = content.events.iter().filter(|(ix, event)| fits(*ix, event)).collect();
        let drawn = self.game.dice.stream(Stream::Events).weighted(&possible, |(_, event)| event.weight);
        let Some((ix, event)) = drawn.copied() else { return };
        self.say(Event::Happened { event: content.events.id(ix).to_owned(), text: event.text.clone() });
        if event.once {
            self.game.past.push(ix);
        }
        if event.choices.is_empty() {
            self.take_effects(&event.effects);
        } else {
            self.game.event = Some(ix);
        }
    }

    pub(super) fn choose(&mut self, at: usize) {
        let content = self.content;
        let Some(event) = self.game.event.take() else { return };
        let choice = &content.events[event].choices[at];
        let ending = self.game.dice.stream(Stream::Events).weighted(&choice.outcomes, |ending| ending.weight);
        let Some(ending) = ending else { return };
        self.game.statistics.events_answered += 1;
        self.say(Event::Chose { choice: choice.id.clone(), text: ending.text.clone() });
        self.take_effects(&ending.effects);
    }

    fn take_effects(&mut self, effects: &[Effect]) {
        for effect in effects {
            let mut draw = |range: &[i64; 2]| self.game.dice.stream(Stream::Events).within(*range);
            match effect {
                Effect::Credits { amount } => {
                    let amount = draw(amount);
                    // Rich regions are generous; fees are the same everywhere.
                    let wealth = self.content.regions[self.game.map.regions[self.game.region()].kind].wealth;
                    let amount = if amount > 0 { libm::round(amount as f64 * wealth) as i64 } else { amount };
                    self.credits(amount, Reason::Event);
                }
                Effect::Fuel { amount } => {
                    let amount = draw(amount);
                    self.fuel(amount, Reason::Event);
                }
                Effect::Food { amount } => {
                    let amount = draw(amount);
                    self.food(amount, Reason::Event);
                }
                Effect::Health { amount } => {
                    let amount = draw(amount);
                    self.health(amount, Reason::Event);
                }
                Effect::Hull { amount } => {
                    let amount = draw(amount);
                    if amount < 0 { self.damage(-amount, Reason::Event) } else { self.mend(amount, Reason::Event) }
                }
                Effect::Item { item, quantity } => {
                    let quantity = draw(quantity);
                    self.gain_item(item.ix(), quantity, Reason::Event);
                }
                Effect::Take { item, quantity } => {
                    let quantity = draw(quantity);
                    self.hand_over(item.ix(), quantity, Reason::Event);
                }
                Effect::Quest { quest } => self.begin_quest(quest.ix()),
                Effect::Fight { enemy } => {
                    if !self.game.in_pod() && self.game.hull > 0 {
                        self.begin_fight(enemy.ix(), false);
                    }
                }
                Effect::Chart {} => {
                    let nodes = self.game.map.regions[self.game.region()].nodes.clone();
                    self.chart(nodes);
                }
            }
        }
    }
}
