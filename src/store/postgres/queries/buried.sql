SELECT EXISTS (SELECT FROM tombstones WHERE session_id = $1) AS gone
