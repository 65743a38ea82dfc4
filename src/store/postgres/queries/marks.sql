-- The idempotency keys of its last turns, newest first.
SELECT mark, revision FROM turns WHERE session_id = $1 AND revision <= $2 AND revision > $2 - 4096 AND mark IS NOT NULL
ORDER BY revision DESC LIMIT $3
