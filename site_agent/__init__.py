"""One hospital: de-identifies and trains on its notes, and lets out what its policy allows."""
