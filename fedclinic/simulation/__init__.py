"""Many sites in one process, for measuring methods: the trainer and methods of production, and no
orchestration, signatures, budgets or disclosure. Nothing that is simulated is private."""
