#!/bin/sh
# The standby of compose.yaml: a copy of the primary that follows it, and that every commit waits for from now on.
set -eu
data=/var/lib/postgresql/data/standby
if [ ! -f "$data/PG_VERSION" ]; then
    rm -rf "$data"
    pg_basebackup -h primary -U cosmic -D "$data" -R -c fast
    psql -h primary -U cosmic cosmic -c "ALTER SYSTEM SET synchronous_standby_names = '*'" -c 'SELECT pg_reload_conf()'
fi
exec postgres -D "$data"
