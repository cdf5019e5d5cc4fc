"""The cards the private network offers to the inventory's pages."""

from cadran.lorawan.panels.equipment import frames_of_equipment, keys_of_equipment, radio_of_equipment
from cadran.lorawan.panels.places import gateways_of_site, places

__all__ = ["frames_of_equipment", "gateways_of_site", "keys_of_equipment", "places", "radio_of_equipment"]
