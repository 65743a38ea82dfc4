-- What there is of a session that was never answered.
WITH gone AS (DELETE FROM sessions WHERE id = $1), turns AS (DELETE FROM turns WHERE session_id = $1)
DELETE FROM maps WHERE session_id = $1
