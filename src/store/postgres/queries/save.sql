-- What no turn changes of a session. Nothing comes back that has gone: not the rank of a game, nor the time before its verdict.
UPDATE sessions SET active_at = greatest(active_at, $2), lived_at = greatest(lived_at, $3), ranked = ranked AND $4,
  verdict = coalesce(verdict, $5)
WHERE id = $1
