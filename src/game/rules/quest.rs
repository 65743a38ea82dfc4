//! Work: offered at docks, carried out elsewhere, paid when it is turned in.

use super::plan::{Act, Ask, Plan};
use super::step::Step;
use crate::game::action::{ActionError, Code, refuse};
use crate::game::content::{Content, Enemy, Item, NodeKind, QuestKind, QuestText, RegionKind};
use crate::game::event::{Event, Reason};
use crate::game::grammar::{count, goods, the};
use crate::game::map::StarMap;
use crate::game::rng::Stream;
use crate::game::state::{Game, Quest, Sight};
use crate::game::story;
use crate::game::table::{Ix, Ref};

pub(super) fn plan_accept(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, stats } = ask;
    let Some(at) = game.offers.iter().position(|offer| offer.id() == id && offer.giver == game.here) else {
        return refuse(Code::QuestNotOffered, "This is not offered here. The actions list has what is.");
    };
    ask.ship("take on work")?;
    let most = content.balance.limits.active_quests;
    if game.quests.len() >= most {
        return refuse(
            Code::TooManyQuests,
            format!(
                "You have {} in hand. Finish one first, or give one up.",
                count(most as i64, "piece of work", "pieces of work")
            ),
        );
    }
    let weight = game.offers[at].weight;
    if weight > stats.free_cargo() {
        let free = stats.free_cargo();
        return refuse(
            Code::CargoFull,
            format!("The cargo weighs {weight}, and there is room for {free}. Sell something first."),
        );
    }
    Ok(Plan::new(Act::AcceptQuest(at)))
}

fn find_active(game: &Game, id: &str) -> Result<usize, ActionError> {
    match game.quests.iter().position(|quest| quest.id() == id) {
        Some(at) => Ok(at),
        None => refuse(Code::QuestNotActive, "You have no such work in hand."),
    }
}

pub(super) fn plan_abandon(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    Ok(Plan::new(Act::AbandonQuest(find_active(ask.game, id)?)))
}

pub(super) fn plan_turn_in(ask: &Ask<'_>, id: &str) -> Result<Plan, ActionError> {
    let Ask { game, content, .. } = ask;
    let at = find_active(game, id)?;
    let quest = &game.quests[at];
    if !quest.done {
        let place = game.map.name(quest.target);
        let enemy = quest.enemy.map_or_else(|| "the enemy".to_owned(), |enemy| the(&content.enemies[enemy].name));
        let missing = match quest.kind(content) {
            QuestKind::Bounty => format!("Destroy {enemy} at {place} first."),
            QuestKind::Exploration => format!("Scan {place} first."),
            QuestKind::Rescue => format!("Fetch them at {place} first."),
            QuestKind::Delivery => format!("Bring it to {place} first."),
        };
        return refuse(Code::QuestNotDone, missing);
    }
    if !paid_here(game, content, quest) {
        let place = match quest.kind(content) {
            QuestKind::Delivery => game.map.name(quest.target),
            QuestKind::Rescue => game.map.name(quest.giver),
            QuestKind::Bounty | QuestKind::Exploration => {
                return refuse(Code::WrongPlace, "Any dock pays for this. Go to one.");
            }
        };
        return refuse(Code::WrongPlace, format!("This is paid at {place}. Go there."));
    }
    if let Some(item) = wanting(game, content, quest) {
        let one = goods(&content.items[item], 1);
        return refuse(
            Code::ItemNotHeld,
            format!("This takes {one}, and you do not have it any more. Give the work up."),
        );
    }
    let mut plan = Plan::new(Act::TurnInQuest(at));
    plan.gain = quest.reward;
    Ok(plan)
}

/// The item that work takes and that is not aboard.
pub fn wanting(game: &Game, content: &Content, quest: &Quest) -> Option<Ix<Item>> {
    let takes = content.quests.quests[quest.text].takes.as_ref()?.ix();
    (game.held(takes) == 0).then_some(takes)
}

/// Where work is paid: deliveries where they go, rescues where they were asked for, the rest at any dock.
fn paid_here(game: &Game, content: &Content, quest: &Quest) -> bool {
    match quest.kind(content) {
        QuestKind::Delivery => game.here == quest.target,
        QuestKind::Rescue => game.here == quest.giver,
        QuestKind::Bounty | QuestKind::Exploration => game.node().dock(),
    }
}

/// What finished work would pay at this place, now.
pub(super) fn payable(game: &Game, content: &Content) -> i64 {
    let pays =
        |quest: &&Quest| quest.done && paid_here(game, content, quest) && wanting(game, content, quest).is_none();
    game.quests.iter().filter(pays).map(|quest| quest.reward).sum()
}

impl Step<'_> {
    pub(super) fn accept_quest(&mut self, at: usize) {
        let mut quest = self.game.offers.remove(at);
        quest.until = self.game.turn + quest.days;
        if self.chained(quest.text) {
            self.game.begun.push(quest.text);
        }
        // A delivery's errand is the way there.
        quest.done = quest.kind(self.content) == QuestKind::Delivery;
        let title = self.title(&quest);
        self.say(Event::QuestAccepted { quest: quest.id(), title });
        self.game.quests.push(quest);
    }

    pub(super) fn abandon_quest(&mut self, at: usize) {
        let quest = self.game.quests.remove(at);
        self.fail(&quest);
    }

    pub(super) fn turn_in_quest(&mut self, at: usize) {
        let quest = self.game.quests.remove(at);
        self.game.statistics.quests_completed += 1;
        let title = self.title(&quest);
        self.say(Event::QuestCompleted { quest: quest.id(), title });
        self.credits(quest.reward, Reason::Quest);
        let content = self.content;
        let def = &content.quests.quests[quest.text];
        if let Some(item) = &def.takes {
            self.hand_over(item.ix(), 1, Reason::Quest);
        }
        if let Some(item) = &def.gives {
            self.gain_item(item.ix(), 1, Reason::Quest);
        }
        match &def.then {
            Some(next) => self.post(next.ix()),
            None if self.chained(quest.text) => self.game.statistics.chains_completed += 1,
            None => {}
        }
    }

    /// Whether a quest is part of a chain.
    fn chained(&self, text: Ix<QuestText>) -> bool {
        self.content.quests.quests[text].then.is_some() || self.follows(text)
    }

    /// Whether a quest is offered where another one is turned in.
    fn follows(&self, text: Ix<QuestText>) -> bool {
        let mut quests = self.content.quests.quests.iter();
        quests.any(|(_, each)| each.then.as_ref().is_some_and(|then| then.ix() == text))
    }

    /// Whether a quest happens once, and has begun or hangs somewhere.
    fn spent(&self, text: Ix<QuestText>) -> bool {
        let Game { begun, offers, quests, .. } = &*self.game;
        begun.contains(&text) || self.chained(text) && offers.iter().chain(quests).any(|quest| quest.text == text)
    }

    fn fail(&mut self, quest: &Quest) {
        self.game.statistics.quests_failed += 1;
        let title = self.title(quest);
        self.say(Event::QuestFailed { quest: quest.id(), title });
        let penalty = libm::round(quest.reward as f64 * self.content.quests.reward.penalty) as i64;
        self.credits(-penalty, Reason::Penalty);
    }

    fn fail_where(&mut self, failed: impl Fn(&Quest) -> bool) {
        let gone: Vec<_> = self.game.quests.extract_if(.., |quest| failed(quest)).collect();
        for quest in &gone {
            self.fail(quest);
        }
    }

    /// Offers that hang too long go; work past its time fails.
    pub(super) fn expire_quests(&mut self) {
        let turn = self.game.turn;
        self.game.offers.retain(|offer| offer.until >= turn);
        self.fail_where(|quest| quest.until < turn);
    }

    /// The ship took the crates with it.
    pub(super) fn lose_quest_cargo(&mut self) {
        self.fail_where(|quest| quest.weight > 0);
    }

    pub(super) fn reach_quest_targets(&mut self) {
        let here = self.game.here;
        self.ready_where(|kind, quest| kind == QuestKind::Rescue && quest.target == here);
    }

    pub(super) fn survey_quests(&mut self) {
        let here = self.game.here;
        self.ready_where(|kind, quest| kind == QuestKind::Exploration && quest.target == here);
    }

    pub(super) fn kill_quarry(&mut self, enemy: Ix<Enemy>) {
        let here = self.game.here;
        let mut left = true;
        self.ready_where(|_, quest| {
            let hit = left && quest.target == here && quest.enemy == Some(enemy);
            left &= !hit;
            hit
        });
    }

    fn ready_where(&mut self, mut ready: impl FnMut(QuestKind, &Quest) -> bool) {
        for at in 0..self.game.quests.len() {
            let held = wanting(self.game, self.content, &self.game.quests[at]).is_none();
            let quest = &mut self.game.quests[at];
            if held && !quest.done && ready(quest.kind(self.content), quest) {
                quest.done = true;
                let (quest, title) = (self.game.quests[at].id(), self.title(&self.game.quests[at]));
                self.say(Event::QuestReady { quest, title });
            }
        }
    }

    fn title(&self, quest: &Quest) -> String {
        story::quest_title(self.game, self.content, quest)
    }

    /// A dock with room on its board may post something.
    pub(super) fn post_offer(&mut self) {
        let rules = &self.content.quests.offers;
        let here = self.game.here;
        let board = self.game.offers.iter().filter(|offer| offer.giver == here).count();
        if board >= rules.board || self.game.offers.len() >= rules.most {
            return;
        }
        if !self.game.dice.stream(Stream::Quests).chance(rules.chance) {
            return;
        }
        let open: Vec<_> = self.content.quests.quests.iter().filter(|(ix, _)| !self.spent(*ix)).collect();
        let drawn = self.game.dice.stream(Stream::Quests).weighted(&open, |(_, text)| text.offered);
        if let Some((text, _)) = drawn {
            self.post(*text);
        }
    }

    /// Offers a quest at this place; where the boards are full, the oldest offer makes room.
    fn post(&mut self, text: Ix<QuestText>) {
        let most = self.content.quests.offers.most;
        if most == 0 {
            return;
        }
        let Some(quest) = self.draw_quest(text) else { return };
        if self.game.offers.len() >= most {
            self.game.offers.remove(0);
        }
        self.sight(quest.target, Sight::Sighted);
        let title = self.title(&quest);
        self.say(Event::QuestOffered { quest: quest.id(), title });
        self.game.offers.push(quest);
    }

    /// Work that an event begins.
    pub(super) fn begin_quest(&mut self, text: Ix<QuestText>) {
        if self.spent(text) {
            return;
        }
        self.post(text);
        let Some(last) = self.game.offers.iter().rposition(|offer| offer.text == text && offer.giver == self.game.here)
        else {
            return;
        };
        let room = self.game.quests.len() < self.content.balance.limits.active_quests;
        if room && self.game.offers[last].weight <= self.stats().free_cargo() {
            self.accept_quest(last);
        }
    }

    fn draw_quest(&mut self, text: Ix<QuestText>) -> Option<Quest> {
        let content = self.content;
        let here = self.game.here;
        let map = self.game.map.clone();
        let home = map.nodes[here].region();
        let def = &content.quests.quests[text];
        let follows = self.follows(text);
        let mut draws = self.game.dice.stream(Stream::Quests);
        let near = (def.regions.is_empty() && def.nodes.is_empty()).then(|| {
            let far = draws.chance(0.5).then(|| draws.pick(&map.regions[home].connections)).flatten();
            far.copied().unwrap_or(home)
        });
        let serves = |node: &usize| *node != here && (def.kind != QuestKind::Delivery || map.nodes[*node].dock());
        let told = |node: &usize| {
            let place = &map.nodes[*node];
            let among = |kinds: &[Ref<NodeKind>]| kinds.is_empty() || kinds.iter().any(|kind| kind.ix() == place.kind);
            let region = map.regions[place.region()].kind;
            let within = |kinds: &[Ref<RegionKind>]| kinds.is_empty() || kinds.iter().any(|kind| kind.ix() == region);
            among(&def.nodes) && within(&def.regions) && near.is_none_or(|region| place.region() == region)
        };
        let nodes = 0..map.nodes.len();
        let mut targets: Vec<_> = nodes.clone().filter(serves).filter(told).collect();
        if targets.is_empty() && (follows || near.is_none()) {
            // A map need not have such a place, and a chain must not end for that.
            targets = nodes.filter(serves).collect();
        }
        let target = *draws.pick(&targets)?;
        let weight = def.weight.map_or(0, |range| draws.within(range));
        let there = map.nodes[target].region();
        let prowlers = &content.regions[map.regions[there].kind].enemies;
        let enemy = match (def.kind, &def.enemy) {
            (QuestKind::Bounty, Some(enemy)) => Some(enemy.ix()),
            (QuestKind::Bounty, None) => Some(draws.weighted(prowlers, |prowler| prowler.weight)?.enemy.ix()),
            _ => None,
        };
        let (reward, days) = terms(content, &map, def, [home, there], weight, enemy);
        let number = self.game.next_quest;
        self.game.next_quest += 1;
        Some(Quest {
            number,
            text,
            giver: here,
            target,
            weight,
            enemy,
            reward,
            days,
            until: self.game.turn + content.quests.offers.lasts,
            done: false,
        })
    }
}

/// What work pays and the turns it allows, between the regions of its giver and its target; the formula stands in `quests.toml`.
fn terms(
    content: &Content,
    map: &StarMap,
    def: &QuestText,
    [home, there]: [usize; 2],
    weight: i64,
    enemy: Option<Ix<Enemy>>,
) -> (i64, i64) {
    let rules = content.quests.kinds.of(def.kind);
    let pay = &content.quests.reward;
    let wealth = content.regions[map.regions[home].kind].wealth;
    let jumps = map.jumps(home, there) as i64;
    let (distance, per_weight, days) = match jumps {
        0 => (pay.near, rules.per_weight_near, rules.days_near),
        _ => (pay.far * jumps as f64, rules.per_weight_far * jumps as f64, rules.days_far * jumps),
    };
    let top = enemy.map_or(0, |enemy| content.enemies[enemy].credits[1]);
    let work = rules.distance * distance + rules.flat + weight as f64 * per_weight + rules.enemy * top as f64;
    let reward = def.pay * rules.share * work * pay.scale * (pay.base + pay.wealth * wealth);
    (libm::round(reward) as i64, days)
}
