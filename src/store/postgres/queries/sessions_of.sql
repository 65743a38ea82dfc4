-- The sessions of a player, and whether somebody plays them on another server now.
SELECT id, owner, name, created_at, active_at, lived_at, revision, ranked, permadeath, day, verdict, begun_key, begun_asked,
  place, turn_count, ending, wealth, ship, format, left(digest, 8) AS digest, newest,
  EXISTS (SELECT FROM nodes n WHERE n.node = sessions.node AND n.node <> $2 AND n.seen_at > now() - interval '15 s') AS is_elsewhere
FROM sessions WHERE owner = $1
