UPDATE keys SET record = $2 WHERE record = $1
