SELECT player, current, CASE WHEN used_at IS NULL OR used_at > now() - interval '10 s' THEN previous END AS previous, changed_at
FROM tokens WHERE player = $1
