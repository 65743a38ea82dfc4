-- What stands in the way of turns that were not taken.
SELECT l.id, s.revision, left(s.digest, 8) AS digest, s.rules > $3 OR s.format > $4 AS newer, t.append,
  EXISTS (SELECT FROM tokens t WHERE t.player = s.owner AND (t.current IS NULL OR l.nonce <> t.current
    AND (l.nonce >> 32) <= (t.current >> 32)
    AND NOT (l.nonce IS NOT DISTINCT FROM t.previous AND coalesce(t.used_at > l.shown_at - interval '10 s', true)))) AS revoked
FROM unnest($1::uuid[], $2::int8[], $5::int8[], $6::timestamptz[]) AS l (id, revision, nonce, shown_at)
LEFT JOIN sessions s ON s.id = l.id
LEFT JOIN turns t ON t.session_id = l.id AND t.revision = l.revision
