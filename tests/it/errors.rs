//! The codes of refusals: each is used, and `docs/errors.md` is their table.

use cosmic_explorer::api::Code;

use crate::architecture::sources;

/// The document that lists them.
const DOCUMENT: &str = "docs/errors.md";

#[test]
fn every_code_is_used_where_it_belongs() {
    for code in Code::ALL {
        let folder = if code.is_rule() { "src/game" } else { "src/api" };
        let name = format!("Code::{code:?}");
        let is_whole = |rest: &str| !rest.starts_with(|next: char| next.is_alphanumeric());
        let used = sources(folder).iter().any(|(file, source)| {
            !file.ends_with("/code.rs")
                && source.match_indices(&name).any(|(at, _)| is_whole(&source[at + name.len()..]))
        });
        assert!(used, "{folder} never refuses with {code}");
    }
}

#[test]
fn the_document_lists_every_code_with_its_status_and_meaning() {
    let row = |code: &Code| format!("| `{code}` | {} | {} |", code.status().as_u16(), code.meaning());
    let wanted: Vec<_> = Code::ALL.iter().map(row).collect();
    let document = std::fs::read_to_string(DOCUMENT).expect(DOCUMENT);
    let rows: Vec<_> = document.lines().filter(|line| line.starts_with("| `")).collect();
    assert_eq!(rows, wanted, "the tables of {DOCUMENT} should be:\n{}", wanted.join("\n"));
}
