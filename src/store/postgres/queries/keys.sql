SELECT record FROM keys
