"""Cadran: the system on which a public framework agreement runs."""

__version__ = "0.1.0"
