"""A made-up cohort of clinical notes that shows and tests everything; no real patient is in it."""
