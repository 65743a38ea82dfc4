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
    BEAT = "beat";
    BEGUN = "begun";
    BEGUN_BEFORE = "begun_before";
    BEGUN_BY = "begun_by";
    BEGUN_DAYS = "begun_days";
    BOARD = "board";
    BOARDS = "boards";
    BURIED = "buried";
    BURY = "bury";
    CHANGE_KEYS = "change_keys";
    CLOCK = "clock";
    CONTENT = "content";
    CREATE = "create";
    DISCARD = "discard";
    DRAW_KEYS = "draw_keys";
    ENTRY_OF = "entry_of";
    HAS_CONTENT = "has_content";
    HEADERS = "headers";
    HEADS = "heads";
    HISTORY_BYTES = "history_bytes";
    JOIN = "join";
    KEEP_CONTENT = "keep_content";
    KEYS = "keys";
    LOAD = "load";
    LOOK = "look";
    MARKS = "marks";
    NEWS = "news";
    NONCES = "nonces";
    NONCES_OF = "nonces_of";
    PART = "part";
    PRUNE_NODES = "prune_nodes";
    PRUNE_NONCES = "prune_nonces";
    PRUNE_TOMBSTONES = "prune_tombstones";
    PUT_KEYS = "put_keys";
    READ = "read";
    RECEIPT = "receipt";
    REMOVE_BEGUN = "remove_begun";
    REMOVE_BOARD = "remove_board";
    REMOVE_SLOT = "remove_slot";
    RENAME = "rename";
    RING = "ring";
    SAVE = "save";
    SERVER = "server";
    SESSIONS_OF = "sessions_of";
    SLOT = "slot";
    SLOTS = "slots";
    SLOTS_OF = "slots_of";
    THIN_OUT = "thin_out";
    TOMBSTONES = "tombstones";
    TURNS = "turns";
    WATCH = "watch";
    WRITE_CLOCK = "write_clock";
    WRITE_NONCES = "write_nonces";
    WRITE_SLOT = "write_slot";
}
