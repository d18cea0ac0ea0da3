"""The engine's read-only pages, its metrics and its health, over HTTP. Nothing in here acts on a run."""
