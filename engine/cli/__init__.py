"""The command line: parses arguments, calls the engine, prints."""
