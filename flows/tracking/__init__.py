"""The only door to MLflow: write a run's evidence, read what a store shows, set up who may see."""
