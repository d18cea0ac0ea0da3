"""Built-in strategies: pure plans from options and progress to the next traffic split."""
