-- A save takes the game's place, where the session still stands at the event that its holder knows.
WITH moved AS (
  UPDATE sessions SET revision = $2::int8, digest = $4, format = $5, rules = $6, content = $7, active_at = greatest(active_at, $8),
    lived_at = greatest(lived_at, $9), place = $10, ship = $11, turn_count = $12, wealth = $13, ending = $14, ranked = false,
    state = $15
  WHERE id = $1 AND revision = $2::int8 - 1 AND left(digest, 8) = $3 AND rules <= $6::int4 AND format <= $5::int4 AND NOT permadeath
  RETURNING id
), turn AS (
  INSERT INTO turns (session_id, revision, append, mark, line) SELECT id, $2::int8, $17::uuid, $18::int8, $19::text FROM moved
), map AS (
  UPDATE maps SET map = $16 FROM moved WHERE session_id = moved.id
)
SELECT id FROM moved
