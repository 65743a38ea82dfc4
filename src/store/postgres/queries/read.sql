-- A session with its map.
SELECT s.id, s.owner, s.name, s.created_at, s.active_at, s.lived_at, s.revision, s.ranked, s.permadeath, s.day, s.verdict,
  s.begun_key, s.begun_asked, s.place, s.format, s.rules, s.content, s.state, m.map
FROM sessions s JOIN maps m ON m.session_id = s.id WHERE s.id = $1
