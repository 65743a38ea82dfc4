//! The code of every refusal, in one table: its HTTP status, its name on the wire, and what it means. `docs/errors.md` is this table.

use std::fmt;

use actix_web::http::StatusCode;

use crate::game::action::Code as Rule;

macro_rules! codes {
    (
        $(#[doc = $meaning:literal] $code:ident = $status:literal $name:literal;)*
        rules: $(#[doc = $rule_meaning:literal] $rule:ident = $rule_name:literal;)*
    ) => {
        /// Why a request is refused. Names are stable: clients compare them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $meaning] $code,)*
            $(#[doc = $rule_meaning] $rule,)*
        }

        impl Code {
            /// All there are: first those of requests, by status, then those of the rules of the game.
            pub const ALL: &[Self] = &[$(Self::$code,)* $(Self::$rule,)*];

            /// The HTTP status of a refusal. What the rules refuse is a conflict with the state of the game.
            pub fn status(self) -> StatusCode {
                let status = match self {
                    $(Self::$code => $status,)*
                    $(Self::$rule => 409,)*
                };
                // The test below goes through all of them.
                StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
            }

            /// The name on the wire.
            pub fn name(self) -> &'static str {
                match self {
                    $(Self::$code => $name,)*
                    $(Self::$rule => $rule_name,)*
                }
            }

            /// What it means, in a sentence.
            pub fn meaning(self) -> &'static str {
                match self {
                    $(Self::$code => $meaning.trim_ascii(),)*
                    $(Self::$rule => $rule_meaning.trim_ascii(),)*
                }
            }

            /// Whether the rules of the game refuse with it.
            pub fn is_rule(self) -> bool {
                matches!(self, $(Self::$rule)|*)
            }
        }

        /// Exhaustive in both directions: the compiler finds a rule that has no code here, and a code that no rule has.
        impl From<Rule> for Code {
            fn from(rule: Rule) -> Self {
                match rule {
                    $(Rule::$rule => Self::$rule,)*
                }
            }
        }

        #[cfg(test)]
        const RULES: &[Rule] = &[$(Rule::$rule,)*];
    };
}

codes! {
    /// The body is not JSON.
    MalformedJson = 400 "MALFORMED_JSON";
    /// The body is JSON nested too deeply.
    JsonTooDeep = 400 "JSON_TOO_DEEP";
    /// A number is larger than any we read.
    NumberOutOfRange = 400 "NUMBER_OUT_OF_RANGE";
    /// The query string is not one this call takes.
    BadQuery = 400 "BAD_QUERY";
    /// What came is no request.
    BadRequest = 400 "BAD_REQUEST";
    /// A header is not well formed.
    BadHeader = 400 "BAD_HEADER";
    /// A stranger's request cannot be known again by a key.
    KeyWithoutPlayer = 400 "KEY_WITHOUT_PLAYER";
    /// The body could not be read to its end.
    BadBody = 400 "BAD_BODY";
    /// A page of another origin asks for what pages may not send.
    PreflightRefused = 400 "PREFLIGHT_REFUSED";
    /// No token came.
    TokenRequired = 401 "TOKEN_REQUIRED";
    /// The token is forged, damaged, expired or revoked.
    TokenInvalid = 401 "TOKEN_INVALID";
    /// A page for admins.
    AdminTokenRequired = 401 "ADMIN_TOKEN_REQUIRED";
    /// The token can only watch.
    ObserverOnly = 403 "OBSERVER_ONLY";
    /// A page of another origin.
    OriginForbidden = 403 "ORIGIN_FORBIDDEN";
    /// No such address.
    NotFound = 404 "NOT_FOUND";
    /// No such session for this player.
    SessionNotFound = 404 "SESSION_NOT_FOUND";
    /// No such content.
    ContentNotFound = 404 "CONTENT_NOT_FOUND";
    /// No such slot.
    SlotNotFound = 404 "SLOT_NOT_FOUND";
    /// There is no save in the slot.
    SlotEmpty = 404 "SLOT_EMPTY";
    /// There is no board of this day and difficulty.
    BoardNotFound = 404 "BOARD_NOT_FOUND";
    /// The board has no such rank.
    EntryNotFound = 404 "ENTRY_NOT_FOUND";
    /// The address knows other methods.
    MethodNotAllowed = 405 "METHOD_NOT_ALLOWED";
    /// The head of a request did not come in time.
    HeadTimeout = 408 "HEAD_TIMEOUT";
    /// The body did not come in time.
    BodyTimeout = 408 "BODY_TIMEOUT";
    /// Too many unfinished games.
    TooManySessions = 409 "TOO_MANY_SESSIONS";
    /// A request with the same idempotency key is under way.
    KeyInProgress = 409 "KEY_IN_PROGRESS";
    /// The client's connection was replaced by another one.
    Replaced = 409 "REPLACED";
    /// As many watch the session as can.
    TooManyObservers = 409 "TOO_MANY_OBSERVERS";
    /// Slot 0 is a view.
    SlotReadOnly = 409 "SLOT_READ_ONLY";
    /// The game is not over yet.
    GameNotFinished = 409 "GAME_NOT_FINISHED";
    /// The game has more actions than a save can have.
    GameTooLong = 409 "GAME_TOO_LONG";
    /// A game's history takes no more saves.
    HistoryFull = 409 "HISTORY_FULL";
    /// The game has permadeath.
    Permadeath = 409 "PERMADEATH";
    /// The seed of a challenge is not told yet.
    ChallengeRunning = 409 "CHALLENGE_RUNNING";
    /// The player has begun the day's challenge.
    ChallengeBegun = 409 "CHALLENGE_BEGUN";
    /// The seed of the day is known.
    ChallengeClosed = 409 "CHALLENGE_CLOSED";
    /// An entry of a board is not what it says.
    EntryRefused = 409 "ENTRY_REFUSED";
    /// The session is gone for good.
    SessionExpired = 410 "SESSION_EXPIRED";
    /// An old client must say how long its body is.
    LengthRequired = 411 "LENGTH_REQUIRED";
    /// The client acted on an old state.
    StaleRevision = 412 "STALE_REVISION";
    /// What is there is another version.
    PreconditionFailed = 412 "PRECONDITION_FAILED";
    /// The body is too large.
    BodyTooLarge = 413 "BODY_TOO_LARGE";
    /// The address is too long.
    UriTooLong = 414 "URI_TOO_LONG";
    /// The body is not declared to be JSON.
    JsonRequired = 415 "JSON_REQUIRED";
    /// The client expects what nobody can do.
    ExpectationFailed = 417 "EXPECTATION_FAILED";
    /// The server does not go by this name.
    UnknownHost = 421 "UNKNOWN_HOST";
    /// The body is JSON, but no object.
    NotAnObject = 422 "NOT_AN_OBJECT";
    /// A field has the wrong type.
    WrongType = 422 "WRONG_TYPE";
    /// A field has a value that is not possible.
    WrongValue = 422 "WRONG_VALUE";
    /// A field is missing.
    MissingField = 422 "MISSING_FIELD";
    /// A field is not known.
    UnknownField = 422 "UNKNOWN_FIELD";
    /// A field stands twice.
    DuplicateField = 422 "DUPLICATE_FIELD";
    /// A word that is not among those a field takes, such as an action that does not exist.
    UnknownValue = 422 "UNKNOWN_VALUE";
    /// A name is empty, too long or has characters that do not show.
    BadName = 422 "BAD_NAME";
    /// An idempotency key came with another action before.
    KeyReused = 422 "KEY_REUSED";
    /// A save does not read, or makes no sense.
    SaveInvalid = 422 "SAVE_INVALID";
    /// A save is not where its history leads to.
    SaveDiverges = 422 "SAVE_DIVERGES";
    /// A save of older rules has no seal of this server.
    SaveUnprovable = 422 "SAVE_UNPROVABLE";
    /// A save plays on content that is not here.
    ContentUnknown = 422 "CONTENT_UNKNOWN";
    /// The address is for WebSockets.
    UpgradeRequired = 426 "UPGRADE_REQUIRED";
    /// A player asks too often.
    TooManyRequests = 429 "TOO_MANY_REQUESTS";
    /// A player or an address lets the server work too much.
    TooMuchWork = 429 "TOO_MUCH_WORK";
    /// An address brings too many players and connections.
    TooManyConnects = 429 "TOO_MANY_CONNECTS";
    /// New players of an address begin the day's challenge too often.
    TooManyChallenges = 429 "TOO_MANY_CHALLENGES";
    /// The head is too large.
    HeadersTooLarge = 431 "HEADERS_TOO_LARGE";
    /// Something in the server failed.
    Internal = 500 "INTERNAL";
    /// The file of a session or save is damaged.
    SessionDamaged = 500 "SESSION_DAMAGED";
    /// Too many connections, in all or of an address.
    TooManyConnections = 503 "TOO_MANY_CONNECTIONS";
    /// Memory is full.
    SessionLimitReached = 503 "SESSION_LIMIT_REACHED";
    /// The store is full.
    StoreFull = 503 "STORE_FULL";
    /// The server's clock was set lately.
    ClockUnsettled = 503 "CLOCK_UNSETTLED";
    /// Too many commands wait for the session.
    SessionBusy = 503 "SESSION_BUSY";
    /// The server stops.
    ShuttingDown = 503 "SHUTTING_DOWN";
    /// A newer server has taken the game over.
    NodeOutdated = 503 "NODE_OUTDATED";
    /// Too many turns wait for the disk.
    StoreBusy = 503 "STORE_BUSY";
    /// The disk does not work.
    StoreUnavailable = 503 "STORE_UNAVAILABLE";
    rules:
    /// The module is fitted already.
    AlreadyFitted = "ALREADY_FITTED";
    /// The player has this already.
    AlreadyOwned = "ALREADY_OWNED";
    /// The pod has an augmentation of this kind already.
    AugmentationSlotTaken = "AUGMENTATION_SLOT_TAKEN";
    /// This enemy does not negotiate.
    CannotNegotiate = "CANNOT_NEGOTIATE";
    /// There is no room in the hold.
    CargoFull = "CARGO_FULL";
    /// The choice needs something that the player does not have.
    ChoiceNeeds = "CHOICE_NEEDS";
    /// An event waits for a choice first.
    ChoicePending = "CHOICE_PENDING";
    /// The game is over.
    GameOver = "GAME_OVER";
    /// The crew is in full health.
    HealthFull = "HEALTH_FULL";
    /// The hull is whole.
    HullFull = "HULL_FULL";
    /// This cannot be done in a fight.
    InCombat = "IN_COMBAT";
    /// This cannot be done in the pod.
    InPod = "IN_POD";
    /// The item cannot be used up.
    ItemNotConsumable = "ITEM_NOT_CONSUMABLE";
    /// There is not as much of the item aboard.
    ItemNotHeld = "ITEM_NOT_HELD";
    /// The item would have no effect now.
    ItemUseless = "ITEM_USELESS";
    /// Mining needs a mining laser.
    NeedsMiningLaser = "NEEDS_MINING_LASER";
    /// Salvaging needs a salvager.
    NeedsSalvager = "NEEDS_SALVAGER";
    /// The move needs a targeting computer.
    NeedsTargetingComputer = "NEEDS_TARGETING_COMPUTER";
    /// The move needs weapons.
    NeedsWeapons = "NEEDS_WEAPONS";
    /// No event waits for a choice.
    NoChoicePending = "NO_CHOICE_PENDING";
    /// There is no dock here.
    NoDock = "NO_DOCK";
    /// There is nobody to fight here.
    NoFoes = "NO_FOES";
    /// The ship has no free slot for the module.
    NoFreeSlot = "NO_FREE_SLOT";
    /// There is no ore here.
    NoOre = "NO_ORE";
    /// There is no pod.
    NoPod = "NO_POD";
    /// There is no repair dock here.
    NoRepairDock = "NO_REPAIR_DOCK";
    /// There is no trade dock here.
    NoTradeDock = "NO_TRADE_DOCK";
    /// No route leads there from here.
    NotConnected = "NOT_CONNECTED";
    /// The player has too few credits.
    NotEnoughCredits = "NOT_ENOUGH_CREDITS";
    /// There is too little food.
    NotEnoughFood = "NOT_ENOUGH_FOOD";
    /// There is too little fuel.
    NotEnoughFuel = "NOT_ENOUGH_FUEL";
    /// The module is not fitted.
    NotFitted = "NOT_FITTED";
    /// There is no fight.
    NotInCombat = "NOT_IN_COMBAT";
    /// There is nothing to salvage here.
    NothingToSalvage = "NOTHING_TO_SALVAGE";
    /// The dock has less of it than that.
    OutOfStock = "OUT_OF_STOCK";
    /// A rig cannot be taken out.
    PermanentRig = "PERMANENT_RIG";
    /// The pod cannot be fitted out in the turn in which it was bought.
    PodTooNew = "POD_TOO_NEW";
    /// The player has not accepted this quest.
    QuestNotActive = "QUEST_NOT_ACTIVE";
    /// What the quest asks for is not done.
    QuestNotDone = "QUEST_NOT_DONE";
    /// The quest is not offered here.
    QuestNotOffered = "QUEST_NOT_OFFERED";
    /// A stack of the item holds no more.
    StackFull = "STACK_FULL";
    /// The stores hold no more food.
    StoresFull = "STORES_FULL";
    /// The tank is full.
    TankFull = "TANK_FULL";
    /// The player has as many quests as they can have.
    TooManyQuests = "TOO_MANY_QUESTS";
    /// A turn must pass first.
    TurnNeeded = "TURN_NEEDED";
    /// There is no such augmentation.
    UnknownAugmentation = "UNKNOWN_AUGMENTATION";
    /// The event has no such choice.
    UnknownChoice = "UNKNOWN_CHOICE";
    /// There is no such item.
    UnknownItem = "UNKNOWN_ITEM";
    /// There is no such module.
    UnknownMod = "UNKNOWN_MOD";
    /// There is no such combat move.
    UnknownMove = "UNKNOWN_MOVE";
    /// There is no such place.
    UnknownNode = "UNKNOWN_NODE";
    /// There is no such region.
    UnknownRegion = "UNKNOWN_REGION";
    /// There is no such ship.
    UnknownShip = "UNKNOWN_SHIP";
    /// This is not the place for it.
    WrongPlace = "WRONG_PLACE";
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_code_has_a_name_of_its_own_and_the_status_of_a_refusal() {
        let names: BTreeSet<_> = Code::ALL.iter().map(|code| code.name()).collect();
        assert_eq!(names.len(), Code::ALL.len());
        for code in Code::ALL {
            let status = code.status();
            assert!(status.is_client_error() || status.is_server_error(), "{code}: {status}");
            assert!(status.canonical_reason().is_some(), "{code}: {status}");
            assert!(code.name().bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_'), "{code}");
        }
    }

    /// Offers say why the rest is refused in the rules' own words.
    #[test]
    fn a_rule_has_the_same_name_in_a_refusal_as_in_an_offer() {
        for rule in RULES {
            assert_eq!(serde_json::to_value(rule).expect("a name"), Code::from(*rule).name());
        }
    }
}
