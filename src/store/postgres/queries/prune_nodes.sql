-- Servers that have not been seen for a day. One that was only asleep comes back with its next word.
DELETE FROM nodes WHERE seen_at < now() - interval '1 day'
