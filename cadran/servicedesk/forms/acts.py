"""One form per act on an incident."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, ClassVar

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.servicedesk.forms.criteria import CriteriaForm
from cadran.servicedesk.forms.moments import MomentForm
from cadran.servicedesk.rules import Action

if TYPE_CHECKING:
    from cadran.commitments.packs import ServiceLevels

NAMED = forms.TextInput(attrs={"autocomplete": "name"})


class ActForm(MomentForm):
    """Base of the forms of an act: when it took place, unless it can only be now."""

    asks_when: ClassVar[bool] = True

    def __init__(self, *args: Any, levels: ServiceLevels, ticked: Collection[str] = (), **kwargs: Any) -> None:
        del ticked
        super().__init__(*args, **kwargs)
        self.levels = levels
        if not self.asks_when:
            del self.fields["happened_at"]
        self.order_fields([name for name in self.fields if name != "happened_at"])

    def given(self) -> dict[str, Any]:
        """Return the arguments of the service, besides the incident, the viewer and now."""
        return {"happened_at": self.moment} if self.asks_when else {}


class NowForm(ActForm):
    """Nothing at all: it happens now."""

    asks_when = False


class TakeForm(ActForm):
    """Who is in charge, and whether that person starts at once."""

    person = forms.CharField(
        label=gettext_lazy("Personne en charge"),
        required=False,
        max_length=160,
        help_text=gettext_lazy("Vide : vous-même. Les deux parties lisent ce nom."),
        widget=NAMED,
    )
    starts_diagnosis = forms.BooleanField(
        label=gettext_lazy("Elle commence le diagnostic à cette heure"), required=False, initial=True
    )

    def given(self) -> dict[str, Any]:
        """Add the person."""
        typed = self.cleaned_data
        return {**super().given(), "person": typed["person"], "starts_diagnosis": typed["starts_diagnosis"]}


class StartForm(ActForm):
    """Who intervenes."""

    person = forms.CharField(
        label=gettext_lazy("Intervenant"),
        required=False,
        max_length=160,
        help_text=gettext_lazy("Vide : vous-même. Les deux parties lisent ce nom."),
        widget=NAMED,
    )

    def given(self) -> dict[str, Any]:
        """Add the person."""
        return {**super().given(), "person": self.cleaned_data["person"]}


class PauseForm(ActForm):
    """A reason of the contract's list, and its proof."""

    reason = forms.ChoiceField(label=gettext_lazy("Motif du contrat"), widget=forms.RadioSelect)
    proof = forms.CharField(label=gettext_lazy("Preuve"), widget=forms.Textarea(attrs={"rows": 3}))
    examples: ClassVar[dict[str, Any]] = {
        **MomentForm.examples,
        "proof": gettext_lazy("courriel du 9 mars à 14 h 02 à la mairie, sans réponse"),
    }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["reason"].choices = [  # type: ignore[attr-defined]
            (line.code, _("{label} – suspend {clocks}. Preuve : {proof}").format(
                label=line.label, clocks=_(" et ").join(line.suspends), proof=line.proof))
            for line in self.levels.pauses
        ]  # fmt: skip

    def given(self) -> dict[str, Any]:
        """Add the reason and its proof."""
        return {**super().given(), "reason": self.cleaned_data["reason"], "proof": self.cleaned_data["proof"]}


class RestoreForm(ActForm):
    """Since when the service is back, and how."""

    workaround = forms.BooleanField(
        label=gettext_lazy("Par un contournement : la cause reste à traiter"), required=False
    )

    def given(self) -> dict[str, Any]:
        """Add the way it was restored."""
        return {**super().given(), "workaround": self.cleaned_data["workaround"]}


class ReopenForm(ActForm):
    """What does not work any more, and since when."""

    reason = forms.CharField(label=gettext_lazy("Ce qui ne fonctionne plus"), widget=forms.Textarea(attrs={"rows": 3}))

    def given(self) -> dict[str, Any]:
        """Add the reason."""
        return {**super().given(), "reason": self.cleaned_data["reason"]}


class RefuseForm(NowForm):
    """What does not work."""

    reason = forms.CharField(
        label=gettext_lazy("Ce qui ne fonctionne toujours pas"), widget=forms.Textarea(attrs={"rows": 3})
    )

    def given(self) -> dict[str, Any]:
        """Add the reason."""
        return {"reason": self.cleaned_data["reason"]}


class WritingForm(ActForm):
    """The written confirmation of a call."""

    text = forms.CharField(
        label=gettext_lazy("Texte de la confirmation"),
        help_text=gettext_lazy("Recopiez le courriel ou la télécopie reçue."),
        widget=forms.Textarea(attrs={"rows": 5}),
    )

    def given(self) -> dict[str, Any]:
        """Add the text."""
        return {**super().given(), "text": self.cleaned_data["text"]}


class CommentForm(NowForm):
    """A message in the thread."""

    body = forms.CharField(label=gettext_lazy("Message"), widget=forms.Textarea(attrs={"rows": 3}))

    def given(self) -> dict[str, Any]:
        """Add the text."""
        return {"body": self.cleaned_data["body"]}


class RequalifyForm(CriteriaForm):
    """Other criteria, hence another type, or another priority; and why."""

    reason = forms.CharField(
        label=gettext_lazy("Motif de la requalification"),
        help_text=gettext_lazy("Ce qui a changé dans les faits ; les deux parties le lisent."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        del self.fields["happened_at"]
        self.order_fields([field.name for field in self.groups])

    def given(self) -> dict[str, Any]:
        """Add what changes; the type follows the criteria."""
        typed = self.cleaned_data
        return {"criteria": self.criteria, "priority": typed["priority"] or None, "reason": typed["reason"]}


FORM_OF: dict[Action, type[ActForm | RequalifyForm]] = {
    Action.ACKNOWLEDGE: NowForm,
    Action.CONFIRM_IN_WRITING: WritingForm,
    Action.TAKE_IN_CHARGE: TakeForm,
    Action.START_INTERVENTION: StartForm,
    Action.PAUSE: PauseForm,
    Action.RESUME: ActForm,
    Action.RESTORE: RestoreForm,
    Action.CONFIRM_RESTORED: NowForm,
    Action.REFUSE_RESTORATION: RefuseForm,
    Action.REOPEN: ReopenForm,
    Action.REQUALIFY: RequalifyForm,
    Action.COMMENT: CommentForm,
    Action.CLOSE: NowForm,
}
