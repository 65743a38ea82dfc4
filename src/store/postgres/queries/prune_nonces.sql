DELETE FROM tokens WHERE changed_at <= $1
