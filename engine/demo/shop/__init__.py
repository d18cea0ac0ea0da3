"""A sample shop: `checkout` is an application that asks for its flag, made to be copied; `visitors` come."""
