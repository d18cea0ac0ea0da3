"""Pure sequential statistics on whole counts. No clock, network or randomness."""
