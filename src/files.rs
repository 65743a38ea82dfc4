//! Files that a person names: folders of content, the configuration, and what commands read and write. Nothing here waits for the
//! disk to have it; what must outlive a power cut is the store's.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::game::content::{Fault, Files, bundle, schemas};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("{file}: {source}")]
pub struct FileError {
    /// The file, as it was named.
    pub file: String,
    /// What the system said.
    pub source: io::Error,
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> FileError {
    move |source| FileError { file: path.display().to_string(), source }
}

/// Reads a file.
pub fn read(path: &Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).map_err(at(path))
}

/// Writes a file, over another if there is one, and makes its folder.
pub fn write(path: &Path, bytes: &[u8]) -> Result<(), FileError> {
    if let Some(folder) = path.parent() {
        fs::create_dir_all(folder).map_err(at(path))?;
    }
    fs::write(path, bytes).map_err(at(path))
}

/// A file's bytes as text, without a byte order mark. Otherwise line and column of the first byte that is no text, from 1 on, and what
/// is wrong there.
pub fn as_text(bytes: &[u8]) -> Result<&str, (usize, usize, String)> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err((1, 1, "is UTF-16 text; must be UTF-8, as which editors save it if they are asked to".to_owned()));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    std::str::from_utf8(bytes).map_err(|error| {
        // All before it is.
        let good = String::from_utf8_lossy(&bytes[..error.valid_up_to()]);
        let line = good.rsplit('\n').next().unwrap_or_default();
        (good.matches('\n').count() + 1, line.chars().count() + 1, "is not UTF-8 text".to_owned())
    })
}

/// Stands in the place of a content file that cannot be read, so that no fault says that it is missing: no TOML.
const UNREADABLE: &str = "\u{fffd}";

/// Reads a folder of content, bundled with what its `pack.toml` lays it over. Only files named `.toml` are content. A file that cannot
/// be read is a fault beside the others.
pub fn read_content(path: &Path) -> Result<(Files, Vec<Fault>), FileError> {
    let (mut files, mut faults) = (Files::new(), Vec::new());
    for file in names(path).map_err(at(path))? {
        let text = read_text(&path.join(&file)).unwrap_or_else(|(place, problem)| {
            let (line, column) = place.unzip();
            faults.push(Fault { file: file.clone(), line, column, problem, ..Fault::default() });
            UNREADABLE.to_owned()
        });
        files.insert(file, text);
    }
    Ok((bundle(files), faults))
}

/// The names of the content files in a folder, in order.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name();
        let is_content = Path::new(&name).extension().is_some_and(|extension| extension.eq_ignore_ascii_case("toml"));
        // No content file has a name that is not UTF-8.
        names.extend(name.into_string().ok().filter(|_| is_content));
    }
    names.sort();
    Ok(names)
}

/// The text of a content file; otherwise where it is none, if that can be said, and why.
fn read_text(path: &Path) -> Result<String, (Option<(usize, usize)>, String)> {
    let bytes = fs::read(path).map_err(|error| {
        let problem = match error.kind() {
            // The folder lists it: a link.
            io::ErrorKind::NotFound => "leads to no file".to_owned(),
            io::ErrorKind::IsADirectory => "is a folder; must be a file".to_owned(),
            _ => format!("cannot be read: {error}"),
        };
        (None, problem)
    })?;
    as_text(&bytes).map(str::to_owned).map_err(|(line, column, problem)| (Some((line, column)), problem))
}

/// Writes the schemas of content files into a folder, and makes it if it is not there.
pub fn write_schemas(folder: &Path) -> Result<(), FileError> {
    fs::create_dir_all(folder).map_err(at(folder))?;
    schemas().iter().try_for_each(|(name, text)| write(&folder.join(name), text.as_bytes()))
}

/// Where saves go: the folder asked for, else `./saves` where it exists, else the platform's data folder.
pub fn saves_folder(asked: Option<PathBuf>) -> PathBuf {
    let beside = PathBuf::from("saves");
    asked.unwrap_or_else(|| {
        if beside.is_dir() {
            return beside;
        }
        directories::ProjectDirs::from("", "", "cosmic-explorer")
            .map_or(beside, |folders| folders.data_dir().join("saves"))
    })
}
