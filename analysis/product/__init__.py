"""Product experiments: what totals over units say about variants. Pure; reads no table and words nothing."""
