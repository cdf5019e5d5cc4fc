"""Sockets of messaging: no Django here."""
