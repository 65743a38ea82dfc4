//! The statements, each in a file of its own.

macro_rules! queries {
    ($($name:ident = $file:literal;)*) => {
        $(pub(super) const $name: &str = include_str!(concat!("queries/", $file, ".sql"));)*
    };
}

queries! {
    ADD_BEGUN = "add_begun";
    ADD_ENTRY = "add_entry";
    APPEND = "append";
    BEGUN = "begun";
    BEGUN_DAYS = "begun_days";
    BOARD = "board";
    BOARDS = "boards";
    BURY = "bury";
    CHANGE_KEYS = "change_keys";
    CLOCK = "clock";
    CONTENT = "content";
    CREATE = "create";
    DISCARD = "discard";
    DRAW_KEYS = "draw_keys";
    HAS_CONTENT = "has_content";
    HEADERS = "headers";
    HISTORY_BYTES = "history_bytes";
    KEEP_CONTENT = "keep_content";
    KEYS = "keys";
    LOAD = "load";
    LOOK = "look";
    MARKS = "marks";
    NONCES = "nonces";
    PRUNE_TOMBSTONES = "prune_tombstones";
    READ = "read";
    RECEIPT = "receipt";
    REMOVE_BEGUN = "remove_begun";
    REMOVE_BOARD = "remove_board";
    REMOVE_SLOT = "remove_slot";
    RENAME = "rename";
    SAVE = "save";
    SERVER = "server";
    SLOT = "slot";
    SLOTS = "slots";
    TOMBSTONES = "tombstones";
    TURNS = "turns";
    WRITE_CLOCK = "write_clock";
    WRITE_NONCES = "write_nonces";
    WRITE_SLOT = "write_slot";
}
