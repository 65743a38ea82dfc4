SELECT files FROM contents WHERE hash = $1
