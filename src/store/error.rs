//! Why the store could not do what was asked.

use std::io;

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The disk said no: it may be full, read-only or gone. Trying again later may help.
    #[error("{file}: {source}")]
    Io {
        /// Which file.
        file: String,
        /// What the system said.
        source: io::Error,
    },
    /// So many turns wait for the disk already. Trying again at once may help.
    #[error("too many turns wait for the disk")]
    Busy,
    /// Another server uses the folder.
    #[error("{folder} is in use by another server")]
    Locked {
        /// Which.
        folder: String,
    },
    /// The file is damaged; it has been set aside.
    #[error("{file}: {problem}")]
    Damaged {
        /// Which file.
        file: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The file was written by a newer version of this program; it is left alone.
    #[error("{file} was written by a newer version of this program (format {version})")]
    Newer {
        /// Which file.
        file: String,
        /// Its format.
        version: u32,
    },
    /// What all games need is gone. Nothing starts before it is back, or an admin has said that it is given up.
    #[error("{file} is missing or cannot be read, and so {loss}. Put it back, or start once with --begin-anew {word}")]
    Lost {
        /// Which file.
        file: String,
        /// What would follow.
        loss: &'static str,
        /// The word for the flag.
        word: &'static str,
    },
}
