-- Numbers grow, and who has logged out stays so: whatever two nodes write at once, nobody's newer tokens are lost.
INSERT INTO tokens (player, current, previous, changed_at)
SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::timestamptz[])
ON CONFLICT (player) DO UPDATE SET
  previous = CASE WHEN excluded.current = tokens.current THEN coalesce(excluded.previous, tokens.previous) ELSE excluded.previous END,
  used_at = CASE WHEN excluded.current IS DISTINCT FROM tokens.current THEN NULL
    WHEN excluded.previous IS NULL THEN coalesce(tokens.used_at, excluded.changed_at) ELSE tokens.used_at END,
  current = excluded.current,
  changed_at = excluded.changed_at
WHERE tokens.current IS NOT NULL
  AND (excluded.current IS NULL OR excluded.current = tokens.current OR (excluded.current >> 32) > (tokens.current >> 32))
