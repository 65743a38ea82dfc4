-- The player's connection has ended. Had another one come since, this changes nothing.
UPDATE sessions SET node = NULL WHERE id = $1 AND newest = $2
