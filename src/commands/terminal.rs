//! What commands read from and write to the process that started them.

use std::io::{self, IsTerminal, Read, Write};
use std::path::Path;

use cosmic_explorer::files;
use tracing_subscriber::EnvFilter;

/// Prints a line. It is no fault where nobody reads it any more.
pub fn say(line: impl AsRef<str>) {
    let _ = writeln!(io::stdout(), "{}", line.as_ref());
}

/// The bytes of a file; `-` is the standard input.
pub fn input(file: &Path) -> anyhow::Result<Vec<u8>> {
    if file == Path::new("-") {
        let mut bytes = Vec::new();
        io::stdin().read_to_end(&mut bytes)?;
        Ok(bytes)
    } else {
        Ok(files::read(file)?)
    }
}

/// A number with what it counts.
pub fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// An error with its causes, each told once.
pub fn told(error: &anyhow::Error) -> String {
    let mut told = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if !told.contains(&cause) {
            let lines = cause.contains('\n');
            told += if told.is_empty() {
                ""
            } else if lines {
                ":\n"
            } else {
                ": "
            };
            told += &cause;
        }
    }
    told
}

/// Logs are for terminals and for files; colours are for terminals, unless the environment says no to them.
pub fn log_to_stderr(filter: EnvFilter) {
    let plain = std::env::var_os("NO_COLOR").is_some_and(|set| !set.is_empty()) || !io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter).with_ansi(!plain).with_writer(io::stderr).init();
}
