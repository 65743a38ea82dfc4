SELECT record FROM tombstones ORDER BY lived_at, session_id
