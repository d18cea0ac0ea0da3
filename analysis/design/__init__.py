"""What the sequential rules will do, computed exactly before launch. Pure: no sampling, no data."""
