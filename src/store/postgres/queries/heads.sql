-- Where sessions stand.
SELECT s.id, s.revision, left(s.digest, 8) AS digest, s.newest, t.player IS NOT NULL AND t.current IS NULL AS logged_out
FROM sessions s LEFT JOIN tokens t ON t.player = s.owner WHERE s.id = ANY ($1::uuid[])
