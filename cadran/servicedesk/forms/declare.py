"""The declaration of an incident by a person."""

from __future__ import annotations

import re
import uuid
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.servicedesk.forms.criteria import CriteriaForm
from cadran.servicedesk.forms.moments import MomentForm

TOKEN = re.compile(r"[0-9a-f]{32}")


class DeclareForm(CriteriaForm):
    """What a person says of an incident. ``staff`` adds how and when the holder was told.

    ``token`` is drawn when the page is shown, so that sending twice opens one incident.
    """

    token = forms.CharField(widget=forms.HiddenInput)
    title = forms.CharField(
        label=gettext_lazy("Objet"),
        max_length=200,
        help_text=gettext_lazy("Une phrase : ce qui ne va plus, et où."),
    )
    description = forms.CharField(
        label=gettext_lazy("Description"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=gettext_lazy("Depuis quand, qui est touché, ce que vous avez déjà essayé."),
    )
    priority_reason = forms.CharField(
        label=gettext_lazy("Motif de la priorité"), required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    channel = forms.ChoiceField(label=gettext_lazy("Canal"))
    examples: ClassVar[dict[str, Any]] = {
        **MomentForm.examples,
        "title": gettext_lazy("Chambre froide 2 sans mesure depuis 8 h"),
    }

    def __init__(self, *args: Any, staff: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.staff = staff
        self.fields["token"].initial = uuid.uuid4().hex
        self.fields["priority_reason"].help_text = " ".join(
            pair.reason or "" for pair in self.levels.pairs if pair.use == "exceptional"
        )
        if staff:
            self._ask_when_told()
        else:  # a beneficiary informs the holder by this very page
            del self.fields["channel"], self.fields["happened_at"]

    def _ask_when_told(self) -> None:
        channels = [line for line in self.levels.channels if line.code != "alarm"]
        self.fields["channel"].choices = [(line.code, line.label) for line in channels]  # type: ignore[attr-defined]
        written = [line.label for line in channels if line.written_confirmation]
        if written:
            self.fields["channel"].help_text = _("À confirmer ensuite par écrit : {channels}.").format(
                channels=", ".join(written)
            )
        self.fields["happened_at"].label = _("Informé le")
        self.fields["happened_at"].initial = self.now.astimezone(self.zone)

    def clean_token(self) -> str:
        """A token is made by us: anything else is a broken page."""
        token: str = self.cleaned_data["token"]
        if not TOKEN.fullmatch(token):
            raise forms.ValidationError(_("Le formulaire est abîmé. Rechargez la page et recommencez."))
        return token
