DELETE FROM begun WHERE day = $1
