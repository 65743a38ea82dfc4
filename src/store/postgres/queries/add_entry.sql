-- An entry, and those go that stand on the board no more.
WITH fallen AS (
  DELETE FROM entries WHERE day = $1 AND difficulty = $2 AND session_id <> $3 AND session_id <> ALL ($5::uuid[])
)
INSERT INTO entries (day, difficulty, session_id, entry) VALUES ($1, $2, $3, $4)
ON CONFLICT (day, difficulty, session_id) DO NOTHING
