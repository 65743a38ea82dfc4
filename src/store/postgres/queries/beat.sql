-- What a server learns when it says that it is there: the time, whether a commit waits for a standby that is connected, and who else
-- is there. Details of standbys are shown to members of pg_monitor only.
SELECT clock_timestamp() AS time,
  EXISTS (SELECT FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')) AS has_standby,
  array(SELECT name FROM nodes WHERE seen_at > now() - interval '15 s' ORDER BY name, node) AS names,
  array(SELECT version FROM nodes WHERE seen_at > now() - interval '15 s' ORDER BY name, node) AS versions
