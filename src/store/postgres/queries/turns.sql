-- A page of history.
SELECT line FROM turns WHERE session_id = $1 AND revision > $2 AND revision <= $3 ORDER BY revision LIMIT $4
