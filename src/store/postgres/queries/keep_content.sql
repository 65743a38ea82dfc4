INSERT INTO contents (hash, files) VALUES ($1, $2) ON CONFLICT (hash) DO NOTHING
