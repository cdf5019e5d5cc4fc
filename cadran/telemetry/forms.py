"""The form of a threshold."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from django import forms
from django.utils.translation import gettext_lazy as _

from cadran.telemetry.models import AlarmKind, ThresholdRule

LONGEST_MINUTES = 7 * 24 * 60


class RuleForm(forms.Form):
    """What a person says of a threshold; ``cleaned()`` gives the service's arguments."""

    label = forms.CharField(
        label=_("Libellé"),
        max_length=160,
        help_text=_("Ce que liront les destinataires, par exemple « Chambre froide 2 trop chaude »."),
    )
    quantity = forms.ChoiceField(label=_("Grandeur surveillée"))
    comparison = forms.ChoiceField(
        label=_("Alarme quand la mesure passe"),
        widget=forms.RadioSelect,
        choices=(
            (ThresholdRule.Comparison.ABOVE.value, _("au-dessus du seuil")),
            (ThresholdRule.Comparison.BELOW.value, _("au-dessous du seuil")),
        ),
        initial=ThresholdRule.Comparison.ABOVE.value,
    )
    threshold = forms.FloatField(
        label=_("Seuil"), localize=True, help_text=_("Dans l’unité de la grandeur. Le seuil lui-même est admis.")
    )
    duration_minutes = forms.IntegerField(
        label=_("Durée avant alarme, en minutes"),
        min_value=0,
        max_value=LONGEST_MINUTES,
        initial=0,
        help_text=_("0 : dès la première mesure. 30 : seulement si le dépassement dure 30 minutes sans interruption."),
    )
    hysteresis = forms.FloatField(
        label=_("Marge de retour à la normale"),
        localize=True,
        min_value=0,
        initial=0,
        help_text=_("L’alarme finit quand la mesure repasse le seuil d’au moins cette marge : moins de va-et-vient."),
    )
    kind = forms.ChoiceField(
        label=_("Nature de l’alarme"),
        widget=forms.RadioSelect,
        initial=AlarmKind.BUSINESS.value,
        help_text=_("Métier : ses destinataires sont prévenus. Service : un incident contractuel est ouvert."),
    )
    recipients = forms.CharField(
        label=_("Destinataires"),
        required=False,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Une adresse électronique par ligne. Vide : personne n’est prévenu par courrier."),
    )
    examples: ClassVar[dict[str, str]] = {
        "threshold": "4,5",
        "hysteresis": "0,5",
        "duration_minutes": "30",
        "label": "Chambre froide 2 trop chaude",
    }

    def __init__(self, *args: Any, quantities: Sequence[tuple[str, str]], may_promise: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        choices = [(AlarmKind.BUSINESS.value, _("Métier : votre activité"))]
        if may_promise:  # the holder's commitments are at stake: only the holder writes such a rule
            choices.append((AlarmKind.SERVICE.value, _("Service : les engagements du titulaire")))
        self.fields["kind"].choices = choices  # type: ignore[attr-defined]
        if not may_promise:
            self.fields["kind"].widget = forms.HiddenInput()
        self.fields["quantity"].choices = quantities  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Return the arguments of ``create_rule`` and ``update_rule``."""
        typed = dict(self.cleaned_data)
        typed["duration_s"] = typed.pop("duration_minutes") * 60
        typed["recipients"] = [line.strip() for line in typed["recipients"].splitlines() if line.strip()]
        return typed
