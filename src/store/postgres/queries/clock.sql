SELECT record FROM clock
