"""LoRaWAN: the private network's server, from gateways' datagrams to decrypted uplinks, and its answers."""
