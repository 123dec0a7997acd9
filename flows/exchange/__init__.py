"""The exchange: the one service that hospitals reach. Tasks and blobs go through it, nothing else.

Prefect and MLflow stay behind it, on the coordinator's side, and no site holds their credentials.
"""
