"""One view of a run for the terminal, JSON and the HTML page."""
