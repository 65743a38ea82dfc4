-- The player's connection takes over: from none, from the one that the client had before, or from any where they want that.
UPDATE sessions SET newest = $2, before = $3, node = $4, shared = shared OR (node IS NOT NULL AND node <> $4)
WHERE id = $1 AND ($5 OR newest IS NULL OR $3::uuid IS NULL OR $3 = newest OR $3 = before OR newest = $2)
RETURNING id
