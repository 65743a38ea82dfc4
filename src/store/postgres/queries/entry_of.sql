SELECT session_id FROM entries WHERE day = $1 AND difficulty = $2 AND player = $3
