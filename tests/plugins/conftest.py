"""acme-rampwise is a distribution of its own: its tests run where it is installed, see test_distribution."""

collect_ignore = ["acme-rampwise"]
