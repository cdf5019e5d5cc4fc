"""Devices and gateways that do not exist, speaking real LoRaWAN through real UDP sockets. No Django here."""
