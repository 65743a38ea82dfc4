//! The story of an outcome, told to people from its events alone, so that the two cannot disagree.

use super::content::Content;
use super::event::{Event, Reason};
use super::grammar::{a, bare, count, ended, goods, list, the, upper};
use super::state::{Game, Quest};

/// The title of a piece of work, with its place.
pub fn quest_title(game: &Game, content: &Content, quest: &Quest) -> String {
    fill(&content.quests.quests[quest.text].title, game, content, quest)
}

/// The text of a piece of work, with its place and quarry.
pub fn quest_text(game: &Game, content: &Content, quest: &Quest) -> String {
    fill(&content.quests.quests[quest.text].text, game, content, quest)
}

fn fill(text: &str, game: &Game, content: &Content, quest: &Quest) -> String {
    // The texts bring their own article or number.
    let enemy = quest.enemy.map_or("enemy", |enemy| bare(&content.enemies[enemy].name));
    text.replace("{place}", game.map.name(quest.target)).replace("{enemy}", enemy)
}

/// A sentence or a few for what happened.
pub fn tell(content: &Content, events: &[Event]) -> String {
    // A scan that shows nothing, and finds something all the same, is not clean.
    let finds = |event: &Event| matches!(event, Event::Item { reason: Reason::Scan, .. } | Event::LeftBehind { .. });
    let found = events.iter().any(finds);
    let told = events.iter().map(|event| line(content, event, found));
    let told: Vec<String> = told.filter(|line| !line.is_empty()).collect();
    if told.is_empty() { "Done.".to_owned() } else { told.join(" ") }
}

fn line(content: &Content, event: &Event, found: bool) -> String {
    let units = |item: &str, name: &str, quantity| units(content, item, name, quantity);
    match event {
        Event::Arrived { name, first: true, .. } => format!("You reach {name} for the first time."),
        Event::Arrived { name, .. } => ended(&format!("You reach {name}")),
        Event::Jumped { name, .. } => format!("The stars stretch, and {name} opens ahead."),
        Event::Charted { nodes } if nodes.len() == 1 => "One more place is on the chart.".into(),
        Event::Charted { nodes } => format!("{} more places are on the chart.", nodes.len()),
        Event::Scanned { ore, salvage, foes } => scanned(*ore, *salvage, *foes, found),
        Event::NothingFound {} => "There is nothing hidden here.".into(),
        Event::Waited {} => "You wait and watch the lamps.".into(),
        Event::Damage { amount, absorbed, pod, source } => damaged(*amount, *absorbed, *pod, *source),
        Event::Health { amount, reason } => healed(*amount, *reason),
        Event::Hull { amount, reason: Reason::Drones } => format!("The nanites mend {amount} hull."),
        Event::Hull { amount, .. } => format!("The hull is mended by {amount}."),
        Event::Fuel { amount, .. } if *amount < 0 => format!("You lose {} fuel.", -amount),
        Event::Fuel { amount, .. } => format!("You take on {amount} fuel."),
        Event::Food { amount, reason } => fed(*amount, *reason),
        Event::Credits { amount, reason } => paid(*amount, *reason),
        Event::Item { item, name, quantity, reason } => gained(&units(item, name, *quantity), *reason),
        Event::ItemLost { item, name, quantity, reason } => lost(&units(item, name, *quantity), *reason),
        Event::LeftBehind { item, name, quantity } => {
            ended(&format!("There is no room for {}", units(item, name, *quantity)))
        }
        Event::MineFailed {} => "The rock splits the wrong way.".into(),
        Event::SalvageFailed {} => "The wreck keeps what it has.".into(),
        Event::Repaired { amount } => format!("The yard mends {amount} hull."),
        Event::ShipBought { name, .. } => format!("{} is yours.", upper(&the(name))),
        Event::ModFitted { name, .. } => ended(&format!("The yard fits {}", the(name))),
        Event::ModRemoved { name, .. } => ended(&format!("The yard takes out {}", the(name))),
        Event::PodBought {} => "A flight pod is bolted to the spine of the ship.".into(),
        Event::AugmentationFitted { name, .. } => format!("The yard fits {} to the pod.", the(name)),
        Event::ItemUsed { item, name } => ended(&format!("You use {}", units(item, name, 1))),
        Event::Shield { amount, .. } => format!("The hull has a shield of {amount}."),
        Event::ShieldFaded {} => "The extra shield fades.".into(),
        Event::PodEjected { towed } => ejected(*towed).into(),
        Event::CombatBegan { name, quarry: true, .. } => format!("Your quarry, {}, turns to face you.", a(name)),
        Event::CombatBegan { name, .. } => format!("{} closes in.", upper(&a(name))),
        Event::NoFight {} => "Nobody takes the bait.".into(),
        Event::Hit { damage } => format!("You hit for {damage}."),
        Event::Missed {} => "You miss.".into(),
        Event::EnemyMissed {} => "The answer goes wide.".into(),
        Event::EnemyDestroyed { name, .. } => format!("{} is destroyed.", upper(&the(name))),
        Event::EnemyFled { name } => format!("{} breaks off and runs.", upper(&the(name))),
        Event::EnemyLeft { name } => format!("{} loses interest.", upper(&the(name))),
        Event::Fled {} => "You get away.".into(),
        Event::FleeFailed {} => "You cannot shake them.".into(),
        Event::Negotiated {} => "They take the money and leave.".into(),
        Event::NegotiationFailed {} => "They are not interested.".into(),
        Event::Happened { text, .. } | Event::Chose { text, .. } => ended(text),
        Event::QuestOffered { title, .. } => ended(&format!("There is work here: {title}")),
        Event::QuestAccepted { title, .. } => ended(&format!("You take on: {title}")),
        Event::QuestReady { title, .. } => ended(&format!("Done, and only to be turned in: {title}")),
        Event::QuestCompleted { title, .. } => ended(&format!("Finished: {title}")),
        Event::QuestFailed { title, .. } => ended(&format!("Failed: {title}")),
        Event::Achieved { name, .. } => ended(&format!("To be remembered: {name}")),
        Event::Victory {} => "That is the sum you set out for. You have won.".into(),
        Event::Defeat { cause } => defeat(cause).into(),
    }
}

/// Units of an item. What content no longer has keeps the name it had.
fn units(content: &Content, item: &str, name: &str, quantity: i64) -> String {
    match content.items.find(item) {
        Some(item) => goods(&content.items[item], quantity),
        None => count(quantity, &format!("unit of {}", bare(name)), &format!("units of {}", bare(name))),
    }
}

fn damaged(amount: i64, absorbed: i64, pod: bool, source: Reason) -> String {
    if amount == 0 && absorbed > 0 {
        return format!("The shields take {absorbed}.");
    }
    if pod {
        return format!("The pod takes {amount} damage.");
    }
    let shields = if absorbed > 0 { format!(", and the shields {absorbed}") } else { String::new() };
    format!("{} costs {amount} hull{shields}.", cause(source))
}

fn healed(amount: i64, reason: Reason) -> String {
    match reason {
        Reason::Hunger => format!("Hunger takes {} health.", -amount),
        _ if amount < 0 => format!("You lose {} health.", -amount),
        _ => format!("You feel better by {amount}."),
    }
}

fn fed(amount: i64, reason: Reason) -> String {
    let rations = count(amount.abs(), "ration", "rations");
    match reason {
        Reason::Meal => format!("You eat {rations}."),
        _ if amount < 0 => format!("You lose {rations}."),
        _ => format!("You stow {rations}."),
    }
}

fn paid(amount: i64, reason: Reason) -> String {
    let credits = count(amount.abs(), "credit", "credits");
    match reason {
        Reason::Penalty => format!("You forfeit {credits}."),
        _ if amount < 0 => format!("You lose {credits}."),
        _ => format!("You gain {credits}."),
    }
}

fn gained(units: &str, reason: Reason) -> String {
    let how = if reason == Reason::Purchase { "buy" } else { "bring aboard" };
    ended(&format!("You {how} {units}"))
}

fn lost(units: &str, reason: Reason) -> String {
    let how = match reason {
        Reason::Sale => "sell",
        Reason::Quest | Reason::Event => "hand over",
        _ => "lose",
    };
    ended(&format!("You {how} {units}"))
}

fn ejected(towed: bool) -> &'static str {
    if towed {
        "The ship breaks up; the pod is thrown clear, and somebody hears its call."
    } else {
        "The ship breaks up, and the pod is thrown clear."
    }
}

fn scanned(ore: i64, salvage: i64, foes: i64, found: bool) -> String {
    let finds = [
        (ore, count(ore, "unit of ore", "units of ore")),
        (salvage, format!("a wreck worth {}", count(salvage, "search", "searches"))),
        (foes, count(foes, "hostile signature", "hostile signatures")),
    ];
    let seen: Vec<_> = finds.into_iter().filter(|(number, _)| *number > 0).map(|(_, what)| what).collect();
    match (seen.as_slice(), found) {
        ([], true) => "The scan picks something up.".into(),
        ([], false) => "The scan comes back clean.".into(),
        _ => format!("The scan shows {}.", list(&seen)),
    }
}

fn cause(source: Reason) -> &'static str {
    match source {
        Reason::Hazard => "The passage",
        Reason::Enemy => "The enemy's fire",
        Reason::Mining => "A splinter",
        Reason::Salvage => "Something in the wreck",
        _ => "It",
    }
}

fn defeat(cause: &str) -> &'static str {
    match cause {
        "died" => "The crew does not wake up. The voyage is over.",
        "ship_lost" => "There is no pod. The voyage is over.",
        "pod_lost" => "The pod breaks open. The voyage is over.",
        "out_of_turns" => "The season has ended before the sum was made. The voyage is over.",
        "stranded" => "There is no fuel, and nowhere to get any. The voyage is over.",
        _ => "The voyage is over.",
    }
}
