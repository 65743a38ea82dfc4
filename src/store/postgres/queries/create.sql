-- A session that is not there, with its history. Said again it is there once.
WITH session AS (
  INSERT INTO sessions (id, owner, revision, digest, format, rules, content, created_at, active_at, lived_at, name, place, ship,
    turn_count, wealth, ending, ranked, permadeath, day, verdict, begun_key, begun_asked, state)
  VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)
  ON CONFLICT (id) DO NOTHING
  RETURNING id
), turn AS (
  INSERT INTO turns (session_id, revision, append, mark, line)
  SELECT id, revision, append, mark, line FROM session, unnest($25::int8[], $26::uuid[], $27::int8[], $28::text[]) AS t (revision, append, mark, line)
)
INSERT INTO maps (session_id, map) SELECT id, $24 FROM session
