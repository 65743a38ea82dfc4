INSERT INTO clock (record) VALUES ($1) ON CONFLICT (one) DO UPDATE SET record = excluded.record
