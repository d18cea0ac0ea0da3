"""What Acme adds to Rampwise: one plugin of each kind, all on plain files."""
