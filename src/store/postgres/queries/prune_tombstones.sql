DELETE FROM tombstones WHERE lived_at <= $1
