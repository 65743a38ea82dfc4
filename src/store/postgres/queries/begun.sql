SELECT player, session_id, at FROM begun WHERE day = $1 ORDER BY number
