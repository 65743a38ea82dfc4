//! The story of an outcome, told to people from its events alone, so that the two cannot disagree.

use super::content::Content;
use super::event::{Event, Reason};
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
    let enemy = quest.enemy.map_or("enemy", |enemy| content.enemies[enemy].name.as_str());
    text.replace("{place}", &game.map.nodes[quest.target].name).replace("{enemy}", enemy)
}

/// A sentence or a few for what happened.
pub fn tell(events: &[Event]) -> String {
    let mut told: Vec<String> = events.iter().filter_map(line).collect();
    if told.is_empty() {
        told.push("Done.".to_owned());
    }
    told.join(" ")
}

fn line(event: &Event) -> Option<String> {
    Some(match event {
        Event::Arrived { name, first: true, .. } => format!("You reach {name} for the first time."),
        Event::Arrived { name, .. } => format!("You reach {name}."),
        Event::Jumped { name, .. } => format!("The stars stretch, and {name} opens ahead."),
        Event::Charted { nodes } if nodes.len() == 1 => "One more place is on the chart.".into(),
        Event::Charted { nodes } => format!("{} more places are on the chart.", nodes.len()),
        Event::Scanned { ore, salvage, foes } => scanned(*ore, *salvage, *foes),
        Event::NothingFound {} => "There is nothing hidden here.".into(),
        Event::Waited {} => "You wait and watch the lamps.".into(),
        Event::Damage { amount: 0, absorbed, .. } if *absorbed > 0 => format!("The shields take {absorbed}."),
        Event::Damage { amount, pod: true, .. } => format!("The pod takes {amount} damage."),
        Event::Damage { amount, absorbed, source, .. } => {
            let shields = if *absorbed > 0 { format!(", and the shields {absorbed}") } else { String::new() };
            format!("{} costs {amount} hull{shields}.", cause(*source))
        }
        Event::Health { reason: Reason::Hunger, amount } => format!("Hunger takes {} health.", -amount),
        Event::Health { amount, .. } if *amount < 0 => format!("You lose {} health.", -amount),
        Event::Health { amount, .. } => format!("You feel better by {amount}."),
        Event::Hull { amount, reason: Reason::Drones } => format!("The nanites mend {amount}."),
        Event::Hull { amount, .. } => format!("The hull is mended by {amount}."),
        Event::Fuel { amount, .. } if *amount < 0 => format!("You lose {} fuel.", -amount),
        Event::Fuel { amount, .. } => format!("You take on {amount} fuel."),
        Event::Food { reason: Reason::Meal, amount } => format!("You eat {}.", count(-amount, "ration")),
        Event::Food { amount, .. } if *amount < 0 => format!("You lose {}.", count(-amount, "ration")),
        Event::Food { amount, .. } => format!("You stow {}.", count(*amount, "ration")),
        Event::Credits { amount, reason: Reason::Penalty } => format!("You forfeit {}.", count(-amount, "credit")),
        Event::Credits { amount, .. } if *amount < 0 => format!("You lose {}.", count(-amount, "credit")),
        Event::Credits { amount, .. } => format!("You gain {}.", count(*amount, "credit")),
        Event::Item { name, quantity, reason: Reason::Purchase, .. } => format!("You buy {quantity} x {name}."),
        Event::Item { name, quantity, .. } => format!("You bring aboard {quantity} x {name}."),
        Event::ItemLost { name, quantity, reason: Reason::Sale, .. } => format!("You sell {quantity} x {name}."),
        Event::ItemLost { name, reason: Reason::Quest | Reason::Event, .. } => format!("You hand over {name}."),
        Event::ItemLost { name, quantity, .. } => format!("{quantity} x {name} is lost."),
        Event::LeftBehind { name, quantity, .. } => format!("There is no room for {quantity} x {name}."),
        Event::MineFailed {} => "The rock splits the wrong way.".into(),
        Event::SalvageFailed {} => "The wreck keeps what it has.".into(),
        Event::Repaired { amount } => format!("The yard mends {amount} hull."),
        Event::ShipBought { name, .. } => format!("The {name} is yours."),
        Event::ModFitted { name, .. } => format!("{name} is fitted."),
        Event::ModRemoved { name, .. } => format!("{name} is taken out."),
        Event::PodBought {} => "A flight pod is bolted to the spine of the ship.".into(),
        Event::AugmentationFitted { name, .. } => format!("{name} is fitted to the pod."),
        Event::ItemUsed { name, .. } => format!("You use {name}."),
        Event::Shield { amount, duration } => format!("A shield of {amount} stands for {duration}."),
        Event::ShieldFaded {} => "The extra shield fades.".into(),
        Event::PodEjected { towed: true } => {
            "The ship breaks up; the pod is thrown clear, and somebody hears its call.".into()
        }
        Event::PodEjected { .. } => "The ship breaks up, and the pod is thrown clear.".into(),
        Event::CombatBegan { name, quarry: true, .. } => format!("Your quarry turns to face you: {name}."),
        Event::CombatBegan { name, .. } => format!("{name} closes in."),
        Event::NoFight {} => "Nobody takes the bait.".into(),
        Event::Hit { damage } => format!("You hit for {damage}."),
        Event::Missed {} => "You miss.".into(),
        Event::EnemyMissed {} => "The answer goes wide.".into(),
        Event::EnemyDestroyed { name, .. } => format!("{name} is destroyed."),
        Event::EnemyFled { name } => format!("{name} breaks off and runs."),
        Event::EnemyLeft { name } => format!("{name} loses interest."),
        Event::Fled {} => "You get away.".into(),
        Event::FleeFailed {} => "You cannot shake them.".into(),
        Event::Negotiated {} => "They take the money and leave.".into(),
        Event::NegotiationFailed {} => "They are not interested.".into(),
        Event::Happened { text, .. } | Event::Chose { text, .. } => text.clone(),
        Event::QuestOffered { title, .. } => format!("There is work here: {title}."),
        Event::QuestAccepted { title, .. } => format!("You take on: {title}."),
        Event::QuestReady { title, .. } => format!("Done, and only to be turned in: {title}."),
        Event::QuestCompleted { title, .. } => format!("Finished: {title}."),
        Event::QuestFailed { title, .. } => format!("Failed: {title}."),
        Event::Achieved { name, .. } => format!("To be remembered: {name}."),
        Event::Victory {} => "That is the sum you set out for. You have won.".into(),
        Event::Defeat { cause } => defeat(cause).into(),
    })
}

fn count(number: i64, noun: &str) -> String {
    if number == 1 { format!("1 {noun}") } else { format!("{number} {noun}s") }
}

fn scanned(ore: i64, salvage: i64, foes: i64) -> String {
    let finds = [(ore, "ore"), (salvage, "searches in the wreck"), (foes, "hostile signatures")];
    let seen: Vec<_> =
        finds.iter().filter(|(found, _)| *found > 0).map(|(found, what)| format!("{found} {what}")).collect();
    if seen.is_empty() { "The scan comes back clean.".into() } else { format!("The scan shows {}.", seen.join(", ")) }
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
