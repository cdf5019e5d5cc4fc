"""The inventory's pages."""

from cadran.inventory.views.fleet import equipment, fleet
from cadran.inventory.views.map import map_data, map_page
from cadran.inventory.views.services import service, services
from cadran.inventory.views.sites import site, sites

__all__ = ["equipment", "fleet", "map_data", "map_page", "service", "services", "site", "sites"]
