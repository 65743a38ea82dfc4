-- A write of this node. Once it is committed, so is, and as safely, whatever was visible before it.
INSERT INTO nodes (node, name, version, rules, format, started_at, seen_at) VALUES ($1, $2, $3, $4, $5, now(), now())
ON CONFLICT (node) DO UPDATE SET seen_at = now()
