"""What an auditor and a privacy officer do: bundles, verification, replay, reports, retention."""
