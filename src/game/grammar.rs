//! How counts, articles and names become English, for every sentence the game tells.

use super::content::Item;

/// So many of something: `no rations`, `1 ration`, `2 rations`.
pub fn count(number: i64, one: &str, many: &str) -> String {
    match number {
        0 => format!("no {many}"),
        1 => format!("1 {one}"),
        _ => format!("{number} {many}"),
    }
}

/// So many units of an item, as its content says them: `a data core`, `2 data cores`. Without forms of its own: `2 units of Silk`.
pub fn goods(item: &Item, number: i64) -> String {
    let many = |many: &str| if number == 0 { format!("no {many}") } else { format!("{number} {many}") };
    match (&item.one, &item.many, number) {
        (Some(one), _, 1) => one.clone(),
        (_, Some(forms), number) if number != 1 => many(forms),
        (_, _, 1) => format!("a unit of {}", bare(&item.name)),
        _ => many(&format!("units of {}", bare(&item.name))),
    }
}

/// A name without an article of its own.
pub fn bare(name: &str) -> &str {
    let article = |word: &str| ["the", "a", "an"].iter().any(|article| word.eq_ignore_ascii_case(article));
    match name.split_once(' ') {
        Some((first, rest)) if article(first) && !rest.trim().is_empty() => rest.trim_start(),
        _ => name,
    }
}

/// `the Ark`, also where the name is `The Ark`.
pub fn the(name: &str) -> String {
    format!("the {}", bare(name))
}

/// `a scout`, `an ark`; a name that brings `The` keeps it.
pub fn a(name: &str) -> String {
    let bare = bare(name);
    let article = name[..name.len() - bare.len()].trim_end();
    if article.eq_ignore_ascii_case("the") {
        return the(name);
    }
    format!("{} {bare}", if begins_with_vowel(bare) { "an" } else { "a" })
}

/// Whether a word is said with a vowel first. By its letters, but for the words whose letters mislead.
fn begins_with_vowel(text: &str) -> bool {
    let word = text.split(|letter: char| !letter.is_alphanumeric()).find(|word| !word.is_empty()).unwrap_or_default();
    let mut letters = word.chars();
    let Some(first) = letters.next() else { return false };
    // Letters that are read one by one, as in AI and X-ray.
    let spelt = first.is_uppercase()
        && letters.next().is_none_or(char::is_uppercase)
        && !word.contains(['A', 'I', 'U', 'O', 'E']);
    if spelt {
        return "FHLMNRSX8".contains(first);
    }
    let lower = word.to_lowercase();
    let consonant = ["uni", "use", "usu", "ufo", "eu", "ewe", "one", "once", "uto", "ura"];
    let vowels = "aeiou8\u{e1}\u{e0}\u{e2}\u{e4}\u{e6}\u{e9}\u{e8}\u{ea}\u{ed}\u{f3}\u{f6}\u{f8}";
    let silent = ["hour", "honest", "honour", "honor", "heir"];
    if consonant.iter().any(|start| lower.starts_with(start)) {
        return false;
    }
    vowels.contains(lower.chars().next().unwrap_or_default()) || silent.iter().any(|start| lower.starts_with(start))
}

/// A sentence with one end, whatever it came with.
pub fn ended(text: &str) -> String {
    let text = text.trim_end();
    let closed = text.trim_end_matches(['"', '\'', '\u{201d}', '\u{2019}', ')']);
    if closed.ends_with(['.', '!', '?', '\u{2026}', ':']) { text.to_owned() } else { format!("{text}.") }
}

/// A sentence's first letter, large.
pub fn upper(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// `a`, `a and b`, `a, b and c`.
pub fn list(parts: &[String]) -> String {
    match parts {
        [] => String::new(),
        [one] => one.clone(),
        [most @ .., last] => format!("{} and {last}", most.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn articles_follow_the_sound_and_stand_once() {
        for (name, with_a, with_the) in [
            ("Pirate Scout", "a Pirate Scout", "the Pirate Scout"),
            ("Alien Defense Drone", "an Alien Defense Drone", "the Alien Defense Drone"),
            ("The Ark", "the Ark", "the Ark"),
            ("A Bigger Boat", "a Bigger Boat", "the Bigger Boat"),
            ("An Ark", "an Ark", "the Ark"),
            ("the Old One", "the Old One", "the Old One"),
            ("Union Cutter", "a Union Cutter", "the Union Cutter"),
            ("Unarmed Barge", "an Unarmed Barge", "the Unarmed Barge"),
            ("One-Eyed Jack", "a One-Eyed Jack", "the One-Eyed Jack"),
            ("Honest Trader", "an Honest Trader", "the Honest Trader"),
            ("AI Ship", "an AI Ship", "the AI Ship"),
            ("X Wing", "an X Wing", "the X Wing"),
            ("Theatre Ship", "a Theatre Ship", "the Theatre Ship"),
            ("The", "a The", "the The"),
            ("\u{c9}toile", "an \u{c9}toile", "the \u{c9}toile"),
            ("", "a ", "the "),
        ] {
            assert_eq!((a(name).as_str(), the(name).as_str()), (with_a, with_the), "{name}");
        }
    }

    #[test]
    fn a_sentence_has_one_end() {
        for (text, whole) in [
            ("It rains", "It rains."),
            ("Who?", "Who?"),
            ("Dr.", "Dr."),
            ("\u{201c}No.\u{201d}", "\u{201c}No.\u{201d}"),
            ("", "."),
        ] {
            assert_eq!(ended(text), whole);
        }
        assert_eq!(list(&["a".into(), "b".into(), "c".into()]), "a, b and c");
    }
}
