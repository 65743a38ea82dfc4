//! The content that commands work with.

use std::path::Path;

use anyhow::{Context, bail};
use cosmic_explorer::files::{FileError, read_content};
use cosmic_explorer::game::content::{Checked, Content, Files, built_in};

use super::terminal::count;

/// The content in a folder, and everything that is wrong with it; what cannot be read among it.
pub fn examine(folder: &Path) -> Result<(Files, Checked), FileError> {
    let (files, unreadable) = read_content(folder)?;
    let Checked { content, warnings } = Content::check_all(&files);
    if unreadable.is_empty() {
        return Ok((files, Checked { content, warnings }));
    }
    let mut faults = content.err().unwrap_or_default();
    faults.retain(|fault| !unreadable.iter().any(|each| each.file == fault.file));
    faults.extend(unreadable);
    faults.sort();
    Ok((files, Checked { content: Err(faults), warnings: Vec::new() }))
}

/// The content in a folder, or the built-in one.
pub fn load_content(folder: Option<&Path>) -> anyhow::Result<(Files, Content)> {
    let (files, content) = match folder {
        Some(folder) => {
            let examined = examine(folder);
            let (files, checked) = examined.with_context(|| format!("content in {}", folder.display()))?;
            (files, checked.content)
        }
        None => (built_in(), Content::parse(&built_in())),
    };
    match content {
        Ok(content) => Ok((files, content)),
        Err(faults) => {
            for fault in &faults {
                eprintln!("{fault}");
            }
            bail!("the content cannot be played: {} wrong with it", count(faults.len(), "thing is", "things are"));
        }
    }
}
