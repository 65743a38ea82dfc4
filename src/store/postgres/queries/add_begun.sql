INSERT INTO begun (day, session_id, player, at)
SELECT $1, session_id, player, at FROM unnest($2::uuid[], $3::uuid[], $4::timestamptz[]) AS b (session_id, player, at)
ON CONFLICT (day, player) DO NOTHING
