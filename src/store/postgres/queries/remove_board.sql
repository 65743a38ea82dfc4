DELETE FROM entries WHERE day = $1 AND difficulty = $2
