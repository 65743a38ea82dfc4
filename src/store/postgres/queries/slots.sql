SELECT player, number FROM slots
