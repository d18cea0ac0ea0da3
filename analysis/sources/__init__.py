"""Where counters are read; everything outside becomes a reading or a reason."""
