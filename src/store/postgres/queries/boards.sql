SELECT DISTINCT day, difficulty FROM entries
