//! Names that players give, as others get to see them. What does not show, or turns the text around it, is taken out.

use unicode_normalization::UnicodeNormalization;
use unicode_segmentation::UnicodeSegmentation;

/// The longest name, in characters as people count them.
pub const LONGEST: usize = 40;
/// The longest name in bytes: a single character can be made of any number of marks.
pub const MAX_BYTES: usize = 160;
/// In place of a name that cannot be shown.
pub const NOBODY: &str = "Nameless";

/// Whether a character does not show, changes how others show, or means something else to everybody.
fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            // Spaces without width, joiners, fillers, and the blank Braille pattern.
            '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200d}' | '\u{2060}'..='\u{2065}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}'
            | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}'
            // Which way text runs.
            | '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{206f}'
            // Private use, marks for other programs, tags, and what is no character.
            | '\u{e000}'..='\u{f8ff}' | '\u{fdd0}'..='\u{fdef}' | '\u{fff0}'..='\u{ffff}'
            | '\u{e0000}'..='\u{10ffff}')
}

/// A name without what does not show, in normal form C, with single spaces; it may be empty, or too long.
fn clean(text: &str) -> String {
    let visible: String = text.chars().filter(|c| c.is_whitespace() || !hidden(*c)).nfc().collect();
    visible.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn cut(name: &str) -> &str {
    let ends = name.grapheme_indices(true).take(LONGEST).map(|(at, grapheme)| at + grapheme.len());
    let end = ends.take_while(|end| *end <= MAX_BYTES).last().unwrap_or_default();
    name[..end].trim_end()
}

/// A name as a player gives it, cleaned; none where nothing is left, or too much.
pub fn accept(text: &str) -> Option<String> {
    let name = clean(text);
    (!name.is_empty() && cut(&name) == name).then_some(name)
}

/// A name as everybody sees it, wherever it comes from: cleaned and cut, or another in its place.
pub fn show(text: &str) -> String {
    let name = clean(text);
    match cut(&name) {
        "" => NOBODY.to_owned(),
        shown => shown.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_does_not_show_is_taken_out() {
        for (given, accepted) in [
            ("  Long way   home ", "Long way home"),
            ("Ännchen <b>", "Ännchen <b>"),
            ("A\u{308}nnchen", "Ännchen"),
            ("a\nb\tc\u{3000}d\u{2028}e", "a b c d e"),
            ("\u{202e}olleh\u{202c}", "olleh"),
            ("\u{2066}in\u{2069}\u{200f}", "in"),
            ("ze\u{200b}ro\u{200d}wi\u{feff}dth\u{ad}", "zerowidth"),
            ("o\u{200b}\u{308}", "ö"),
            ("pri\u{e000}va\u{f0000}te\u{10fffd}", "private"),
            ("t\u{e0041}ag\u{0}\u{1b}", "tag"),
            ("Звезда 星 🚀", "Звезда 星 🚀"),
            ("\u{2800}a\u{3164}", "a"),
        ] {
            assert_eq!(accept(given).as_deref(), Some(accepted), "{given:?}");
            assert_eq!(show(given), accepted);
        }
    }

    #[test]
    fn names_have_an_end() {
        for nothing in ["", "   ", "\u{200b}", "\u{202e} \n", "\u{e000}", "\u{fe0f}", "\u{1bca0}\u{1d17a}"] {
            assert_eq!((accept(nothing), show(nothing).as_str()), (None, NOBODY), "{nothing:?}");
        }
        let (fits, long) = ("x".repeat(LONGEST), "x".repeat(LONGEST + 1));
        assert_eq!((accept(&fits), accept(&long)), (Some(fits.clone()), None));
        assert_eq!(show(&long), fits);
        assert_eq!(show(&format!("{} y", "x".repeat(LONGEST - 1))), "x".repeat(LONGEST - 1));
        // One character in the eyes of people; as many bytes as anybody likes.
        let marks = format!("z{}", "\u{301}".repeat(500));
        assert_eq!((accept(&marks), show(&marks).as_str()), (None, NOBODY));
        assert_eq!(show(&format!("Zoe {marks}")), "Zoe");
        let wide = "🚀".repeat(LONGEST);
        assert_eq!(accept(&wide), Some(wide));
    }

    proptest! {
        #[test]
        fn a_shown_name_is_accepted_as_it_is(text in any::<String>()) {
            let shown = show(&text);
            prop_assert!(shown.len() <= MAX_BYTES && !shown.chars().any(hidden), "{shown:?}");
            prop_assert_eq!(accept(&shown).unwrap_or_default(), shown);
        }
    }
}
