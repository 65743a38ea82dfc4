-- Those go that stand on the board no more, whoever else adds to it at this moment.
DELETE FROM entries WHERE day = $1 AND difficulty = $2 AND player IN (
  SELECT player FROM entries WHERE day = $1 AND difficulty = $2 ORDER BY score DESC, finished_at, session_id OFFSET $3
)
