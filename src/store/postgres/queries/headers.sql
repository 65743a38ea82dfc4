-- What lists tell of sessions: of one, or where none is named of all.
SELECT id, owner, name, created_at, active_at, lived_at, revision, ranked, permadeath, day, verdict, begun_key, begun_asked,
  place, turn_count, ending, wealth, ship, format
FROM sessions WHERE $1::uuid IS NULL OR id = $1
