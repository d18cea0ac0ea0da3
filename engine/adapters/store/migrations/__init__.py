"""How the database came to its present form, step by step; run by `engine.adapters.store.schema`."""
