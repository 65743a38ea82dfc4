SELECT coalesce(sum(octet_length(line)), 0)::int8 AS bytes FROM turns WHERE session_id = $1
