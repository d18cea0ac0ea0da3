"""The demonstration: real releases on the local platform, each with its expected outcome."""
