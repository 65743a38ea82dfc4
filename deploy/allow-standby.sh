#!/bin/sh
# Lets the standby of compose.yaml follow.
set -eu
echo 'host replication cosmic samenet scram-sha-256' >> "$PGDATA/pg_hba.conf"
