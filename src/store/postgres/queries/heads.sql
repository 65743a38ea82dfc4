-- Where sessions stand.
SELECT id, revision, left(digest, 8) AS digest, newest FROM sessions WHERE id = ANY ($1::uuid[])
