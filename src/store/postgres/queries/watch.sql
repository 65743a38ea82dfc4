-- Somebody watches, who is to hear of what happens on other nodes.
UPDATE sessions SET shared = true WHERE id = $1 AND NOT shared
