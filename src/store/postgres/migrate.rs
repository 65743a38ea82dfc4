//! The tables, and how they come to be what this version of the program wants.

use super::error::Failure;
use super::lane::Lane;
use crate::store::{StoreError, Thing};

/// Each brings the tables from its place in the list to the next. They only add: servers of the version before go on beside them.
const STEPS: &[&str] = &[include_str!("migrations/0001.sql"), include_str!("migrations/0002.sql")];
/// The earliest tables that this version of the program can work with.
const LEAST: i32 = 1;
/// The number of the lock under which tables are changed: "cosmic".
const LOCK: i64 = 0x636f_736d_6963;

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_version (
  one bool PRIMARY KEY DEFAULT true CHECK (one),
  version int4 NOT NULL,
  -- The earliest step that a program must know to write here.
  oldest int4 NOT NULL
)";

/// Makes and changes the tables, one server at a time.
pub(super) async fn migrate(lane: &Lane, place: &str) -> Result<(), StoreError> {
    let unavailable = |failure: Failure| failure.about(Thing::Store(place.to_owned()));
    // One statement string is one transaction, so that of two servers the second sees what the first has done; and what goes
    // wrong halfway has not happened.
    let ready = format!("BEGIN; SELECT pg_advisory_xact_lock({LOCK}); {VERSIONS}; COMMIT");
    lane.batch(&ready).await.map_err(unavailable)?;
    loop {
        let version = version(lane, place).await?;
        let Some(step) = usize::try_from(version).ok().and_then(|version| STEPS.get(version)) else { return Ok(()) };
        let next = version + 1;
        // Under the lock it is looked at again: a division by zero where another server was faster.
        let sql = format!(
            "BEGIN; SELECT pg_advisory_xact_lock({LOCK});
             SELECT 1 / (coalesce(max(version), 0) = {version})::int FROM schema_version;
             {step}
             INSERT INTO schema_version (version, oldest) VALUES ({next}, 1)
             ON CONFLICT (one) DO UPDATE SET version = excluded.version;
             COMMIT"
        );
        match lane.batch(&sql).await {
            Ok(()) => tracing::info!(version = next, "the tables of the database are made"),
            Err(failure) => {
                lane.batch("ROLLBACK").await.map_err(unavailable)?;
                if self::version(lane, place).await? == version {
                    return Err(unavailable(failure));
                }
            }
        }
    }
}

/// Whether the tables are such that this version of the program can work with them; or why not.
pub(super) async fn check(lane: &Lane, place: &str) -> Result<(), StoreError> {
    let asked = lane.query("SELECT to_regclass('schema_version') IS NOT NULL", &[]).await;
    let asked = asked.map_err(|failure| failure.about(Thing::Store(place.to_owned())))?;
    if !asked.first().is_some_and(|row| row.try_get(0).unwrap_or(false)) {
        return Err(tables(place, "it has no tables"));
    }
    let found = version(lane, place).await?;
    if found < LEAST {
        return Err(tables(place, "its tables are of an earlier version"));
    }
    let rows = lane.query("SELECT oldest FROM schema_version", &[]).await;
    let rows = rows.map_err(|failure| failure.about(Thing::Store(place.to_owned())))?;
    let oldest: i32 = rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(0);
    if oldest > STEPS.len() as i32 {
        return Err(StoreError::Newer { what: Thing::Store(place.to_owned()), version: oldest as u32 });
    }
    Ok(())
}

fn tables(place: &str, problem: &str) -> StoreError {
    let problem = format!("{problem}. Run `cosmic-explorer migrate`, or set database.migrate");
    StoreError::Damaged { what: Thing::Store(place.to_owned()), problem }
}

/// How many steps were made.
async fn version(lane: &Lane, place: &str) -> Result<i32, StoreError> {
    let rows = lane.query("SELECT version FROM schema_version", &[]).await;
    let rows = rows.map_err(|failure| failure.about(Thing::Store(place.to_owned())))?;
    Ok(rows.first().and_then(|row| row.try_get(0).ok()).unwrap_or(0))
}
