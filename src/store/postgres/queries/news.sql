-- What has become of sessions, and of players' tokens: those that are named, or the sessions' own.
SELECT l.number, s.id, s.owner, s.name, s.created_at, s.active_at, s.lived_at, s.revision, s.ranked, s.permadeath, s.day, s.verdict,
  s.begun_key, s.begun_asked, s.place, s.turn_count, s.ending, s.wealth, s.ship, s.format, left(s.digest, 8) AS digest, s.newest,
  false AS is_elsewhere,
  b.record AS stone, t.player, t.current,
  t.previous, t.used_at, t.changed_at
FROM unnest($1::int8[], $2::uuid[], $3::uuid[]) AS l (number, session, player)
LEFT JOIN sessions s ON s.id = l.session
LEFT JOIN tombstones b ON b.session_id = l.session
LEFT JOIN tokens t ON t.player = coalesce(l.player, s.owner)
