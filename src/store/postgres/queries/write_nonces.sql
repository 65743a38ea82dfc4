INSERT INTO tokens (player, current, previous, changed_at)
SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::timestamptz[])
ON CONFLICT (player) DO UPDATE SET current = excluded.current, previous = excluded.previous, changed_at = excluded.changed_at
