-- The sessions of a player.
SELECT id, owner, name, created_at, active_at, lived_at, revision, ranked, permadeath, day, verdict, begun_key, begun_asked,
  place, turn_count, ending, wealth, ship, format, left(digest, 8) AS digest, newest
FROM sessions WHERE owner = $1
