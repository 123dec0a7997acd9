"""A whole federated run in which every party is a container."""
