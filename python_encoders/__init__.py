"""Encoders that turn scenario panels into 384-dim vectors, and the chain around them."""
