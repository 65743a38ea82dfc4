-- After what it tells of is committed, by a statement of its own: it takes a lock of the whole cluster.
SELECT pg_notify('cosmic', $1)
