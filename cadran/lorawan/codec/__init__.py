"""Bytes of LoRaWAN and of its gateways, turned into frozen values and back; no input or output here."""
