-- The keys of another store.
INSERT INTO keys (record) VALUES ($1) ON CONFLICT (one) DO UPDATE SET record = excluded.record
