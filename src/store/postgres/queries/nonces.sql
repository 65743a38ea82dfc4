SELECT player, current, previous, changed_at FROM tokens ORDER BY changed_at, player
