SELECT player, session_id, at, day FROM begun WHERE player = $1
