-- A session goes for good, with all there is of it, where it still stands at the revision that its holder knows, or is not there
-- at all. Said again it is gone once.
WITH gone AS (DELETE FROM sessions WHERE id = $1 AND revision = $4 RETURNING id),
  turns AS (DELETE FROM turns USING gone WHERE session_id = gone.id),
  map AS (DELETE FROM maps USING gone WHERE session_id = gone.id)
INSERT INTO tombstones (session_id, lived_at, record)
SELECT $1, $2, $3 WHERE EXISTS (SELECT FROM gone) OR NOT EXISTS (SELECT FROM sessions WHERE id = $1)
ON CONFLICT (session_id) DO NOTHING
