"""The shell: everything that touches the outside behind a port."""
