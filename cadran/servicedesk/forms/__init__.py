"""What a person fills in about an incident."""

from cadran.servicedesk.forms.acts import FORM_OF, ActForm, CommentForm
from cadran.servicedesk.forms.declare import DeclareForm
from cadran.servicedesk.forms.moments import on_site

__all__ = ["FORM_OF", "ActForm", "CommentForm", "DeclareForm", "on_site"]
