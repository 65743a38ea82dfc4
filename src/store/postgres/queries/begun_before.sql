-- Who had begun a day with another game.
SELECT b.player, b.session_id, b.at FROM unnest($2::uuid[], $3::uuid[]) AS g (session_id, player)
JOIN begun b ON b.day = $1 AND b.player = g.player AND b.session_id <> g.session_id
