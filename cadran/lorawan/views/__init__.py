"""The private network's pages."""

from cadran.lorawan.views.gateways import gateway, gateways
from cadran.lorawan.views.network import network

__all__ = ["gateway", "gateways", "network"]
