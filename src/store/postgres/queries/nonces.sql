SELECT player, current, previous, used_at, changed_at
FROM tokens ORDER BY changed_at, player
