-- The entries of a board in the order they were made: of one session, or where none is named of all.
SELECT entry FROM entries WHERE day = $1 AND difficulty = $2 AND ($3::uuid IS NULL OR session_id = $3) ORDER BY number
