"""`fedclinic bench`: suites of simulated federations, their results as JSON lines, and a page."""
