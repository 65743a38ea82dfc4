SELECT save FROM slots WHERE player = $1 AND number = $2
