"""A small real platform on this machine: proxy, Prometheus, sample services, load."""
