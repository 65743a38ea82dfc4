-- A session goes for good, with all there is of it. Said again it is gone once.
WITH gone AS (DELETE FROM sessions WHERE id = $1),
  turns AS (DELETE FROM turns WHERE session_id = $1),
  map AS (DELETE FROM maps WHERE session_id = $1)
INSERT INTO tombstones (session_id, lived_at, record) VALUES ($1, $2, $3) ON CONFLICT (session_id) DO NOTHING
