SELECT EXISTS (SELECT FROM contents WHERE hash = $1) AS known
