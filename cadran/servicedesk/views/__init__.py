"""Pages of the service desk."""

from cadran.servicedesk.views.acts import act
from cadran.servicedesk.views.declare import declare
from cadran.servicedesk.views.incidents import incident, incidents, why
from cadran.servicedesk.views.sheet import sheet, sheet_html

__all__ = ["act", "declare", "incident", "incidents", "sheet", "sheet_html", "why"]
