//! What a run came to, as one HTML file: with its styles and drawings in it, without scripts, and without anything from elsewhere.
//!
//! Elements are closed as XML wants it, so that a test can read it.

use std::collections::{BTreeMap, BTreeSet};

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::chart::{self, Frame};
use super::report::{self, Share, quantile};
use super::tally::{STEP, Shelf, Tally, Use};
use super::{Plan, Played};
use crate::game::RULES_VERSION;
use crate::game::content::{Content, Difficulty};

const STYLE: &str = include_str!("report.css");
/// A histogram has about so many bars.
const BARS: i64 = 25;
/// Ends by how much they say, with their colours; an end that is not here should not be.
const ENDS: [(&str, &str); 6] = [
    ("victory", "c0"),
    ("out_of_turns", "c1"),
    ("died", "c2"),
    ("stranded", "c3"),
    ("ship_lost", "c4"),
    ("pod_lost", "c5"),
];

/// The report as a page.
pub fn page(content: &Content, plan: &Plan, played: &[Played]) -> String {
    let sections = [
        ("policies", "Policies", policies(played)),
        ("wealth", "Wealth over time", wealth(content, plan, played)),
        ("length", "Length of the games", length(content, played)),
        ("ends", "How games end", ends(played)),
        ("ships", "Ships that win", ships(content, played)),
        ("income", "Income", money(played, |tally| &tally.income)),
        ("expenses", "Expenses", money(played, |tally| &tally.expenses)),
        ("spam", "One action, over and over", spam(played)),
        ("unused", "What is never used", unused(content, played)),
        ("use", "What is used", shelves(content, played)),
        ("worst", "The worst games", worst(played)),
    ];
    let sections: Vec<_> =
        sections.into_iter().filter_map(|(id, title, body)| body.map(|body| (id, title, body))).collect();
    let page = html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { "Cosmic Explorer: simulated games" }
                style { (PreEscaped(STYLE)) }
            }
            body {
                (headline(content, plan, played))
                main {
                    nav { @for (id, title, _) in &sections { a href={ "#" (id) } { (title) } } }
                    @for (id, title, body) in &sections { section id=(id) { h2 { (title) } (body) } }
                }
                footer { "The same numbers, and more of them, are in report.json. The same seed, rules and content give the same report." }
            }
        }
    };
    page.into_string()
}

fn headline(content: &Content, plan: &Plan, played: &[Played]) -> Markup {
    let difficulty = match plan.difficulty {
        Difficulty::Easy => "easy",
        Difficulty::Normal => "normal",
        Difficulty::Hard => "hard",
    };
    let main = report::main(played);
    let limits = &content.balance.limits;
    let hash: String = content.hash.chars().take(12).collect();
    let facts = [
        ("games a policy", whole(plan.games)),
        ("difficulty", difficulty.to_owned()),
        ("goal", format!("{} cr", whole(content.balance.difficulty.of(plan.difficulty).goal.unsigned_abs()))),
        ("turns", whole(limits.turns.unsigned_abs())),
        ("seed", plan.seed.to_string()),
        ("rules", RULES_VERSION.to_string()),
        ("content", hash),
    ];
    html! {
        header {
            p class="over" { "Cosmic Explorer, simulated" }
            h1 {
                @if let Some(main) = main {
                    "The " (main.policy) " wins " (percent(share(main).rate)) " of its games"
                } @else { "Nothing was played" }
            }
            dl class="facts" { @for (name, fact) in facts { div { dt { (name) } dd { (fact) } } } }
        }
    }
}

fn policies(played: &[Played]) -> Option<Markup> {
    let median = |counts: &BTreeMap<i64, u64>| match counts.is_empty() {
        true => "–".to_owned(),
        false => whole(quantile(counts, 0.5).unsigned_abs()),
    };
    let table = html! {
        p { "The bar is the share of games won, the whiskers are where the true one is, nineteen times out of twenty (Wilson). Lengths are medians, in turns; wealth is the median at the end, in credits. " strong { "Refused" } " counts what a policy asked for and could not have, which is a fault of the policy." }
        div class="scroll" {
            table class="policies" {
                thead { tr {
                    th { "Policy" } th { "Games" } th { "Won" } th class="rate" { "0 to 100%" } th { "95%" }
                    th { "Won in" } th { "Lost in" } th { "Wealth" } th { "Refused" }
                } }
                tbody {
                    @for played in played {
                        @let (tally, share) = (&played.tally, share(played));
                        @let range = format!("{} to {}", percent(share.from), percent(share.to));
                        tr {
                            th scope="row" {
                                (played.policy)
                                @if let Some((kind, ..)) = played.kinds.first() { small { "at best: " (words(kind)) } }
                            }
                            td { (whole(tally.games)) }
                            td { strong { (percent(share.rate)) } }
                            td class="rate" { (chart::interval(share, &format!("{} won, {range}", percent(share.rate)))) }
                            td { small { (range) } }
                            td { (median(&tally.won_at)) }
                            td { (median(&tally.lost_at)) }
                            td { (credits(tally.wealth.last().map_or(0, |steps| STEP * quantile(steps, 0.5)))) }
                            td class=[(tally.refused > 0).then_some("wrong")] { (whole(tally.refused)) }
                        }
                    }
                }
            }
        }
    };
    Some(table)
}

fn wealth(content: &Content, plan: &Plan, played: &[Played]) -> Option<Markup> {
    let goal = content.balance.difficulty.of(plan.difficulty).goal;
    let all: Vec<_> = played.iter().map(|played| report::wealth(&played.tally)).collect();
    let top = all.iter().flatten().map(|[.., high]| *high).chain([goal]).max().unwrap_or(goal);
    let frame = Frame { turns: content.balance.limits.turns as f64, top: 1.05 * top as f64 };
    Some(html! {
        p {
            "Credits by turn; a game that is over stays where it ended."
            span class="legend" {
                span class="key thin" style="--swatch: var(--accent)" { "median" } " "
                span class="key" style="--swatch: var(--tint)" { "eight games of ten" } " "
                span class="key dashed" { "goal" }
            }
        }
        (panels(played, |at, _| {
            let end = all[at].last().map_or(0, |[_, median, _]| *median);
            let label = format!("{} cr at the end", credits(end));
            (label.clone(), chart::wealth(frame, &format!("Median wealth: {label}"), &all[at], goal))
        }))
    })
}

fn length(content: &Content, played: &[Played]) -> Option<Markup> {
    let turns = content.balance.limits.turns.max(1);
    let width = [1, 2, 5, 10, 20, 25, 50, 100, 200, 250, 500, 1000].into_iter().find(|width| turns <= width * BARS);
    let width = width.unwrap_or(turns / BARS);
    let all: Vec<_> = played
        .iter()
        .map(|played| {
            let mut bins = vec![[0.0; 2]; usize::try_from((turns - 1) / width + 1).unwrap_or(1)];
            let last = bins.len() - 1;
            for (which, counts) in [&played.tally.won_at, &played.tally.lost_at].into_iter().enumerate() {
                for (turn, count) in counts {
                    let bin = usize::try_from((turn - 1).max(0) / width).unwrap_or(last).min(last);
                    bins[bin][which] += part(*count, played.tally.games);
                }
            }
            bins
        })
        .collect();
    let top = all.iter().flatten().map(|[won, lost]| won + lost).fold(0.0, f64::max);
    let frame = Frame { turns: turns as f64, top: 1.05 * top };
    Some(html! {
        p {
            "The turn at which games ended, " (width) " turns a bar, as a share of all games."
            span class="legend" {
                span class="key" style="--swatch: var(--accent)" { "won" } " "
                span class="key" style="--swatch: #b9c0c6" { "lost" }
            }
        }
        (panels(played, |at, played| {
            let mut lengths = played.tally.won_at.clone();
            for (turn, count) in &played.tally.lost_at {
                *lengths.entry(*turn).or_default() += count;
            }
            let label = format!("median {}", quantile(&lengths, 0.5));
            (label.clone(), chart::lengths(frame, &format!("Length in turns: {label}"), width, &all[at]))
        }))
    })
}

fn ends(played: &[Played]) -> Option<Markup> {
    let known = ENDS.map(|(end, _)| end);
    Some(html! {
        p { "Won games first, then the causes of defeat, as shares of all games." }
        (panels(played, |_, played| {
            let tally = &played.tally;
            let others = tally.ends.keys().filter(|end| !known.contains(end)).map(|end| (*end, "wrong-fill"));
            let parts: Vec<_> = ENDS
                .into_iter()
                .chain(others)
                .filter_map(|(end, class)| {
                    let count = tally.ends.get(end)?;
                    Some((class, words(end), part(*count, tally.games), *count))
                })
                .collect();
            let bars: Vec<_> = parts.iter().map(|(class, name, share, _)| (*class, name.clone(), *share)).collect();
            let label = parts.iter().map(|(_, name, share, _)| format!("{name} {}", percent(*share)));
            let label = label.collect::<Vec<_>>().join(", ");
            (games(tally.games - tally.wins, "lost"), html! {
                (chart::stack(&bars, &label))
                table class="list" {
                    @for (class, name, share, count) in parts {
                        tr {
                            td { span class={ "key " (class) } { (name) } }
                            td { (percent(share)) }
                            td { small { (whole(count)) } }
                        }
                    }
                }
            })
        }))
    })
}

fn ships(content: &Content, played: &[Played]) -> Option<Markup> {
    let mut wins: BTreeMap<&str, u64> = BTreeMap::new();
    for (ship, used) in played.iter().flat_map(|played| &played.tally.last_ship) {
        *wins.entry(ship).or_default() += used.wins;
    }
    let mut ships: Vec<_> = wins.into_iter().filter(|(_, wins)| *wins > 0).collect();
    ships.sort_by_key(|(_, wins)| std::cmp::Reverse(*wins));
    Some(html! {
        p { "The ship flown at the end of won games, as a share of them." }
        (panels(played, |_, played| {
            let tally = &played.tally;
            let rows = html! {
                @if tally.wins == 0 { p class="nothing" { "No game was won." } } @else {
                    table class="list" {
                        @for (ship, _) in &ships {
                            @let share = part(tally.last_ship.get(*ship).map_or(0, |used| used.wins), tally.wins);
                            tr {
                                td { (ship_name(content, ship)) }
                                td class="bar" { (chart::bar(share, "won")) }
                                td { @if share > 0.0 { (percent(share)) } @else { small { "–" } } }
                            }
                        }
                    }
                }
            };
            (games(tally.wins, "won"), rows)
        }))
    })
}

fn money(played: &[Played], of: impl Fn(&Tally) -> &BTreeMap<&'static str, i64>) -> Option<Markup> {
    let each = |tally: &Tally, source: &str| {
        let credits = of(tally).get(source).copied().unwrap_or_default();
        credits as f64 / tally.games.max(1) as f64
    };
    let mut sources: Vec<_> = played
        .iter()
        .flat_map(|played| of(&played.tally).keys())
        .collect::<BTreeSet<_>>()
        .into_iter()
        .map(|source| (*source, played.iter().map(|played| each(&played.tally, source)).sum::<f64>()))
        .collect();
    sources.sort_by(|(_, one), (_, other)| other.total_cmp(one));
    let top = sources.iter().flat_map(|(source, _)| played.iter().map(|played| each(&played.tally, source).abs()));
    let top = top.fold(0.0, f64::max);
    let cell = |credits: f64| {
        if credits == 0.0 {
            return html! { td class="none" { "·" } };
        }
        let class = if credits < 0.0 { Some("minus") } else { None };
        html! { td class=[class] style=(size(credits.abs() / top)) { (rounded(credits)) } }
    };
    Some(html! {
        p { "Credits a game, by source. The bars of all columns have one scale." }
        (matrix(played, html! {
            @for (source, _) in &sources {
                tr {
                    th scope="row" { (words(source)) }
                    @for played in played { (cell(each(&played.tally, source))) }
                }
            }
            tr {
                th scope="row" { strong { "Together" } }
                @for played in played {
                    @let all = of(&played.tally).values().sum::<i64>() as f64 / played.tally.games.max(1) as f64;
                    td class="strong" { (rounded(all)) }
                }
            }
        }))
    })
}

fn spam(played: &[Played]) -> Option<Markup> {
    let kinds = &played.iter().find(|played| !played.kinds.is_empty())?.kinds;
    Some(html! {
        p { "The policy " strong { "spam" } " does one kind of action whenever it is offered, else any. A kind that wins by itself is too good. Elsewhere in this report spam is its best kind." }
        div class="scroll" {
            table class="policies kinds" {
                thead { tr { th { "Kind" } th { "Games" } th { "Won" } th class="rate" { "0 to 100%" } th { "95%" } } }
                tbody {
                    @for (kind, games, wins) in kinds {
                        @let share = Share::of(*wins, *games);
                        @let range = format!("{} to {}", percent(share.from), percent(share.to));
                        tr {
                            th scope="row" { (words(kind)) }
                            td { (whole(*games)) }
                            td { strong { (percent(share.rate)) } }
                            td class="rate" { (chart::interval(share, &format!("{} won, {range}", percent(share.rate)))) }
                            td { small { (range) } }
                        }
                    }
                }
            }
        }
    })
}

/// Everything on a shelf with the games in which each policy used it, the least used first.
fn rows<'a>(content: &'a Content, played: &'a [Played], shelf: Shelf) -> Vec<(&'a str, Vec<Use>)> {
    let all: Vec<_> = played.iter().map(|played| report::uses(content, &played.tally, shelf)).collect();
    let ids: BTreeSet<_> = all.iter().flat_map(|uses| uses.keys().copied()).collect();
    let row = |id| all.iter().map(|uses| uses.get(id).copied().unwrap_or_default()).collect::<Vec<_>>();
    let mut rows: Vec<_> = ids.into_iter().map(|id| (id, row(id))).collect();
    // Stable: of equally used ones the ids stay in order.
    rows.sort_by_key(|(_, uses)| uses.iter().map(|used| used.games).sum::<u64>());
    rows
}

fn unused(content: &Content, played: &[Played]) -> Option<Markup> {
    let lists: Vec<_> = Shelf::ALL
        .into_iter()
        .map(|shelf| (shelf, rows(content, played, shelf)))
        .map(|(shelf, rows)| (shelf, rows.into_iter().filter(|(_, uses)| uses.iter().all(|used| used.times == 0))))
        .map(|(shelf, rows)| (shelf, rows.map(|(id, _)| id).collect::<Vec<_>>()))
        .filter(|(_, ids)| !ids.is_empty())
        .collect();
    Some(html! {
        @if lists.is_empty() { p { "Everything was used." } } @else {
            p { "By no policy, in no game." }
            dl class="unused" {
                @for (shelf, ids) in lists {
                    dt { (words(&report::name(shelf))) }
                    dd { @for id in ids { span class="wrong" { (title(content, shelf, id)) " " small { (id) } } " " } }
                }
            }
        }
    })
}

fn shelves(content: &Content, played: &[Played]) -> Option<Markup> {
    let cell = |used: &Use, games: u64| {
        let share = part(used.games, games);
        let told = match 100.0 * share {
            0.0 => return html! { td class="none" { "·" } },
            ..0.5 => "<1".to_owned(),
            percents => format!("{percents:.0}"),
        };
        html! { td style=(size(share)) { (told) } }
    };
    let shelf = |shelf| {
        let rows = rows(content, played, shelf);
        let used = rows.iter().filter(|(_, uses)| uses.iter().any(|used| used.times > 0)).count();
        html! {
            div class="shelf" {
                h3 { (words(&report::name(shelf))) small { (used) " of " (rows.len()) " used" } }
                (matrix(played, html! {
                    @for (id, uses) in &rows {
                        tr {
                            th scope="row" class=[uses.iter().all(|used| used.times == 0).then_some("wrong")] {
                                (title(content, shelf, id)) small { (id) }
                            }
                            @for (used, played) in uses.iter().zip(played) { (cell(used, played.tally.games)) }
                        }
                    }
                }))
            }
        }
    };
    Some(html! {
        p { "In how many games of a hundred each policy used it. The least used stand first, in red what no policy used." }
        @for each in Shelf::ALL { (shelf(each)) }
    })
}

fn worst(played: &[Played]) -> Option<Markup> {
    Some(html! {
        p { "The games that ended with the least, by their seeds." }
        @for Played { policy, tally, .. } in played {
            details {
                summary { (policy) small { (games(tally.worst.len() as u64, "shown")) } }
                div class="scroll" {
                    table {
                        thead { tr { th { "Seed" } th { "Wealth" } th { "Turn" } th { "End" } } }
                        tbody {
                            @for game in &tally.worst {
                                tr {
                                    td { (game.seed) }
                                    td { (credits(game.wealth)) }
                                    td { (game.turn) }
                                    td { (words(game.end)) }
                                }
                            }
                        }
                    }
                }
            }
        }
    })
}

/// A small panel for each policy: its name, a note, and what it shows.
fn panels(played: &[Played], show: impl Fn(usize, &Played) -> (String, Markup)) -> Markup {
    html! {
        div class={ "panels" @if played.len() == 1 { " alone" } } {
            @for (at, played) in played.iter().enumerate() {
                @let (note, drawing) = show(at, played);
                figure { figcaption { h3 { (played.policy) } span { (note) } } (drawing) }
            }
        }
    }
}

/// A table with a column for each policy.
fn matrix(played: &[Played], rows: Markup) -> Markup {
    html! {
        div class="scroll" {
            table class="uses" style=(format!("--columns:{}", played.len())) {
                thead { tr { th {} @for played in played { th scope="col" { (played.policy) } } } }
                tbody { (rows) }
            }
        }
    }
}

/// What players read; happenings have no name but their id.
fn title(content: &Content, shelf: Shelf, id: &str) -> String {
    let name = match shelf {
        Shelf::ShipsFlown => content.ships.find(id).map(|ix| &content.ships[ix].name),
        Shelf::ModsFitted => content.mods.find(id).map(|ix| &content.mods[ix].name),
        Shelf::ItemsGained | Shelf::ItemsBought | Shelf::ItemsSold | Shelf::ItemsUsed => {
            content.items.find(id).map(|ix| &content.items[ix].name)
        }
        Shelf::AugmentationsFitted => content.augmentations.find(id).map(|ix| &content.augmentations[ix].name),
        Shelf::EnemiesMet | Shelf::EnemiesDestroyed => content.enemies.find(id).map(|ix| &content.enemies[ix].name),
        Shelf::Events => None,
        Shelf::QuestsAccepted | Shelf::QuestsCompleted => {
            content.quests.quests.find(id).map(|ix| &content.quests.quests[ix].title)
        }
        Shelf::Achievements => content.achievements.find(id).map(|ix| &content.achievements[ix].name),
    };
    // Titles of quests say where.
    name.map_or_else(|| words(id), |name| name.replace("{place}", "…"))
}

fn ship_name(content: &Content, id: &str) -> String {
    if id == "pod" { "In the escape pod".to_owned() } else { title(content, Shelf::ShipsFlown, id) }
}

/// An id as words: `out_of_turns` is "Out of turns".
fn words(id: &str) -> String {
    let mut letters = id.chars().map(|letter| if letter == '_' { ' ' } else { letter });
    letters.next().into_iter().flat_map(char::to_uppercase).chain(letters).collect()
}

fn share(played: &Played) -> Share {
    Share::of(played.tally.wins, played.tally.games)
}

fn part(some: u64, all: u64) -> f64 {
    some as f64 / all.max(1) as f64
}

fn percent(share: f64) -> String {
    format!("{:.1}%", 100.0 * share)
}

/// A cell's bar, in percent of the cell.
fn size(share: f64) -> String {
    format!("--s:{:.1}", 100.0 * share)
}

fn games(number: u64, what: &str) -> String {
    format!("{} {what}", whole(number))
}

/// A number with its thousands apart.
fn whole(number: u64) -> String {
    let digits = number.to_string();
    let mut told = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            told.push(',');
        }
        told.push(digit);
    }
    told
}

fn credits(number: i64) -> String {
    format!("{}{}", if number < 0 { "−" } else { "" }, whole(number.unsigned_abs()))
}

fn rounded(number: f64) -> String {
    if number.abs() < 10.0 { format!("{number:.1}").replace('-', "−") } else { credits(number.round() as i64) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_people_read_them() {
        assert_eq!([0, 999, 1000, 1_234_567].map(whole), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!((credits(-1200), rounded(-0.34), rounded(12.6)), ("−1,200".into(), "−0.3".into(), "13".into()));
        assert_eq!((words("out_of_turns"), words("")), ("Out of turns".into(), String::new()));
    }
}
