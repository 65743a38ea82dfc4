INSERT INTO slots (player, number, save) VALUES ($1, $2, $3) ON CONFLICT (player, number) DO UPDATE SET save = excluded.save
