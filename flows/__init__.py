"""The coordinator: plans rounds, waits for sites, admits, aggregates, evaluates, keeps evidence."""
