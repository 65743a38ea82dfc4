-- Times are to the microsecond. Records are the JSON of docs/saves-format.md, without checksums: PostgreSQL has its own.
-- No foreign keys: they lock parents, and every statement here names what it takes along.

CREATE TABLE keys (one bool PRIMARY KEY DEFAULT true CHECK (one), record text NOT NULL);

CREATE TABLE clock (one bool PRIMARY KEY DEFAULT true CHECK (one), record text NOT NULL);

CREATE TABLE contents (hash text PRIMARY KEY, files text NOT NULL);

-- Who is there, to look at; and what a node writes to know that all it wrote before is safe.
CREATE TABLE nodes (
  node uuid PRIMARY KEY,
  name text NOT NULL,
  version text NOT NULL,
  rules int4 NOT NULL,
  format int4 NOT NULL,
  started_at timestamptz NOT NULL,
  seen_at timestamptz NOT NULL
);

-- A session as it stands. Its head is its revision and its digest.
CREATE TABLE sessions (
  id uuid PRIMARY KEY,
  owner uuid NOT NULL,
  revision int8 NOT NULL,
  digest text NOT NULL,
  format int4 NOT NULL,
  rules int4 NOT NULL,
  content text NOT NULL,
  created_at timestamptz NOT NULL,
  active_at timestamptz NOT NULL,
  lived_at timestamptz NOT NULL,
  name text NOT NULL,
  place text NOT NULL,
  ship text NOT NULL,
  turn_count int8 NOT NULL,
  wealth int8 NOT NULL,
  ending text,
  ranked bool NOT NULL,
  permadeath bool NOT NULL,
  day text,
  verdict text,
  begun_key text,
  begun_asked text,
  -- The newest connection of its player and what that named as the one before, and the node it is on while it lasts. Whether
  -- somebody watches from another node too.
  newest uuid,
  before uuid,
  node uuid,
  shared bool NOT NULL DEFAULT false,
  -- The very bytes of the digest.
  state text NOT NULL
)
-- Room in each page for the next version of its row: so a turn touches no index.
WITH (fillfactor = 60, toast_tuple_target = 8160, autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_cost_delay = 0);
-- Compressing the state on every turn costs more than its bytes.
ALTER TABLE sessions ALTER COLUMN state SET STORAGE MAIN;
CREATE INDEX sessions_owner ON sessions (owner);

CREATE TABLE maps (session_id uuid PRIMARY KEY, map text NOT NULL);

-- The history: a line of it as it stands in files. `append` is the name of the write, `mark` that of its idempotency key.
CREATE TABLE turns (
  session_id uuid NOT NULL,
  revision int8 NOT NULL,
  append uuid NOT NULL,
  mark int8,
  line text NOT NULL,
  PRIMARY KEY (session_id, revision)
)
WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

CREATE TABLE slots (
  player uuid NOT NULL,
  number int2 NOT NULL,
  save text NOT NULL,
  PRIMARY KEY (player, number)
);

CREATE TABLE tombstones (
  session_id uuid PRIMARY KEY,
  lived_at timestamptz NOT NULL,
  record text NOT NULL
);
CREATE INDEX tombstones_lived_at ON tombstones (lived_at);

-- Which tokens of a player count; no current one: they have logged out.
CREATE TABLE tokens (
  player uuid PRIMARY KEY,
  current int8,
  previous int8,
  -- When the current one was first used: the previous one counts for ten seconds more.
  used_at timestamptz,
  changed_at timestamptz NOT NULL
);

-- A player stands on a board once. `number` keeps the order in which they were made.
CREATE TABLE entries (
  day text NOT NULL,
  difficulty text NOT NULL,
  player uuid NOT NULL,
  session_id uuid NOT NULL,
  score int8 NOT NULL,
  finished_at timestamptz NOT NULL,
  number int8 GENERATED ALWAYS AS IDENTITY,
  entry text NOT NULL,
  PRIMARY KEY (day, difficulty, player)
);

-- A player begins a day once.
CREATE TABLE begun (
  day text NOT NULL,
  player uuid NOT NULL,
  session_id uuid NOT NULL,
  at timestamptz NOT NULL,
  number int8 GENERATED ALWAYS AS IDENTITY,
  PRIMARY KEY (day, player)
);
CREATE INDEX begun_player ON begun (player);
