"""Kill real processes at every step of a round over the exchange, and write what came of it."""
