SELECT player, current, previous, used_at, changed_at
FROM tokens WHERE player = $1
