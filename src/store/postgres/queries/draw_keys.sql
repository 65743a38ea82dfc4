-- The first keys. Who draws at the same moment gets those that were there first.
INSERT INTO keys (record) VALUES ($1) ON CONFLICT (one) DO NOTHING
