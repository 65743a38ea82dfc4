-- What stands in the way of turns that were not taken.
SELECT l.id, s.revision, left(s.digest, 8) AS digest, s.rules > $3 OR s.format > $4 AS newer, t.append
FROM unnest($1::uuid[], $2::int8[]) AS l (id, revision)
LEFT JOIN sessions s ON s.id = l.id
LEFT JOIN turns t ON t.session_id = l.id AND t.revision = l.revision
