"""Sockets towards packet forwarders. No database here."""
