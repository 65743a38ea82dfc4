-- To gather statistics takes a snapshot for as long, and while an old snapshot is there no room in a page is taken again: then a turn
-- touches every index. Statements here find their rows by keys, whatever the statistics say.
ALTER TABLE sessions SET (autovacuum_analyze_scale_factor = 20);
ALTER TABLE turns SET (autovacuum_analyze_scale_factor = 20, autovacuum_vacuum_cost_delay = 0);
