"""The contract's lines to tick, one group per type, and the priority that goes with them."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.servicedesk.forms.moments import MomentForm

if TYPE_CHECKING:
    from cadran.commitments.packs import ServiceLevels

GROUP = "constat_"


class CriteriaForm(MomentForm):
    """Base of the forms that type an incident: the type follows the ticked lines."""

    priority = forms.ChoiceField(label=gettext_lazy("Priorité"), required=False)

    def __init__(self, *args: Any, levels: ServiceLevels, ticked: Collection[str] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.levels = levels
        self.fields["priority"].choices = [  # type: ignore[attr-defined]
            ("", _("Celle que le type donne par défaut")),
            *((line.code.value, f"{line.code.value} – {line.label}") for line in levels.priorities),
        ]
        self.fields["priority"].help_text = self._pairs()
        for line in levels.incident_types:
            self.fields[f"{GROUP}{line.code.value}"] = forms.MultipleChoiceField(
                label=_("{type} – {impact}").format(type=line.label, impact=line.impact),
                required=False,
                choices=[(criterion.code, criterion.text) for criterion in line.criteria],
                initial=[criterion.code for criterion in line.criteria if criterion.code in ticked],
                widget=forms.CheckboxSelectMultiple,
            )

    def _pairs(self) -> str:
        """Say which priorities each type takes: the agreement's table, not ours."""
        return " ; ".join(
            f"{line.label} : {', '.join(pair.priority.value for pair in self.levels.pairs if pair.type == line.code)}"
            for line in self.levels.incident_types
        )

    @property
    def groups(self) -> list[BoundField]:
        """The lines to tick, one field per type."""
        return [self[name] for name in self.fields if name.startswith(GROUP)]

    @property
    def criteria(self) -> list[str]:
        """The codes ticked, of every type."""
        return [code for name in self.fields if name.startswith(GROUP) for code in self.cleaned_data[name]]
