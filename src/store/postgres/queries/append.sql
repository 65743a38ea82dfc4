-- Takes turns of as many sessions, each where its session still stands at the event the turn was built on, and whether somebody on
-- another node is to hear of it. Nothing of somebody who has logged out, or comes with a token that another one has replaced: the
-- previous one counts until ten seconds after the current one's first use. One statement: nothing is held open over the network.
-- Rows that somebody else holds are passed over, so that batches of several nodes cannot wait for each other. What does not come back
-- was not taken.
WITH held AS (
  SELECT g.* FROM unnest(
    $1::uuid[], $2::int8[], $3::text[], $4::text[], $5::uuid[], $6::timestamptz[], $7::int8[], $8::text[], $9::text[],
    $10::text[], $11::text[], $12::int8[], $13::int8[], $14::text[], $18::int8[], $19::timestamptz[]
  ) AS g (id, revision, before, digest, append, at, mark, line, state, place, ship, turn_count, wealth, ending, nonce, shown_at)
  JOIN sessions s ON s.id = g.id AND s.revision = g.revision - 1 AND left(s.digest, 8) = g.before
    AND s.rules <= $15 AND s.format <= $16
    AND NOT EXISTS (SELECT FROM tokens t WHERE t.player = s.owner AND (t.current IS NULL OR g.nonce <> t.current
      AND (g.nonce >> 32) <= (t.current >> 32)
      AND NOT (g.nonce IS NOT DISTINCT FROM t.previous AND coalesce(t.used_at > g.shown_at - interval '10 s', true))))
  FOR NO KEY UPDATE OF s SKIP LOCKED
), moved AS (
  UPDATE sessions s SET
    revision = h.revision, digest = h.digest, rules = $15, format = $16, state = h.state, place = h.place, ship = h.ship,
    turn_count = h.turn_count, wealth = h.wealth, ending = h.ending, active_at = greatest(s.active_at, h.at),
    lived_at = s.lived_at + greatest(h.at - s.active_at, interval '0')
  FROM held h WHERE s.id = h.id
  RETURNING h.id, h.revision, h.append, h.mark, h.line, s.shared OR (s.node IS NOT NULL AND s.node <> $17) AS ring
), told AS (
  INSERT INTO turns (session_id, revision, append, mark, line) SELECT id, revision, append, mark, line FROM moved
)
SELECT id, ring FROM moved
