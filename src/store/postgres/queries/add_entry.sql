INSERT INTO entries (day, difficulty, player, session_id, score, finished_at, entry) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (day, difficulty, player) DO NOTHING
