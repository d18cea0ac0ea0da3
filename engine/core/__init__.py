"""The pure core: values and rules in the field's words. No clock, network, disk, randomness or logging."""
