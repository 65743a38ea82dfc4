SELECT number FROM slots WHERE player = $1
