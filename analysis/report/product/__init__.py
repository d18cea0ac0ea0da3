"""The report of a product experiment, from one `Analysis`: page, Markdown, terminal, JSON, CSV, notebook."""
