"""The single thread of an incident: facts and messages in the order in which they happened."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import TYPE_CHECKING, Any, Final

from django.utils import dateformat
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from cadran.commitments.rules import FactKind
from cadran.commitments.services import NoteKind
from cadran.servicedesk import why, words
from cadran.servicedesk.models import IncidentMessage
from cadran.servicedesk.rules import CONFIRMATION_WORDS, Confirmation

if TYPE_CHECKING:
    from cadran.commitments.models import CaseFact

LATE_FROM: Final = timedelta(minutes=1)  # written down later than that: both instants are shown


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of the thread.

    ``at`` is when it happened; ``recorded_at`` only when it was written down later. ``kind`` is a fact's, or "message".
    """

    at: datetime
    kind: str
    title: str
    by: str
    body: str = ""
    details: Sequence[tuple[str, str]] = ()
    recorded_at: datetime | None = None

    def recorded_html(self, zone: tzinfo, *, now: datetime) -> SafeString | str:
        """Return when it was written down, when that was later."""
        return why.short_html(self.recorded_at, zone, now=now) if self.recorded_at else ""


def entries(
    *, facts: Sequence[CaseFact], messages: Sequence[IncidentMessage], criteria: Mapping[str, str]
) -> list[Entry]:
    """Return the thread, oldest first; ``criteria`` gives the text of each criterion's code.

    A message that confirms a call in writing is shown once, inside its fact.
    """
    by_id = {message.pk: message for message in messages}
    told = {fact.data.get("message") for fact in facts if fact.kind == FactKind.CONFIRMED_IN_WRITING}
    lines = [_of_fact(fact, by_id, criteria) for fact in facts]
    lines += [
        Entry(message.created_at, "message", _("Message"), message.author, message.body)
        for message in messages
        if message.pk not in told
    ]
    return sorted(lines, key=lambda entry: entry.at)


@dataclass(frozen=True, slots=True)
class Day:
    """The entries of one day on the site's calendar."""

    words: str
    entries: Sequence[tuple[SafeString, Entry, SafeString | str]]  # the hour, the entry, when it was written if later


def days(lines: Sequence[Entry], zone: tzinfo, *, now: datetime) -> list[Day]:
    """Return the thread cut at the site's midnights; the year is said when it is not this year's."""
    found: list[Day] = []
    for day, group in groupby(lines, key=lambda entry: entry.at.astimezone(zone).date()):
        layout = "l j F" if day.year == now.astimezone(zone).year else "l j F Y"
        shown = [(_hour(entry.at, zone), entry, entry.recorded_html(zone, now=now)) for entry in group]
        found.append(Day(dateformat.format(day, layout), shown))
    return found


def _hour(at: datetime, zone: tzinfo) -> SafeString:
    local = at.astimezone(zone)
    return format_html('<time datetime="{}">{}</time>', local.isoformat(), f"{local:%H:%M}")


def _of_fact(fact: CaseFact, messages: Mapping[int, IncidentMessage], criteria: Mapping[str, str]) -> Entry:
    data: Mapping[str, Any] = fact.data
    late = fact.recorded_at - fact.happened_at > LATE_FROM
    message = messages.get(data.get("message", 0))
    return Entry(
        at=fact.happened_at,
        kind=fact.kind,
        title=_title(fact),
        by=fact.by,
        body=message.body if message else str(data.get("reason", "")) if fact.kind in _WITH_REASON else "",
        details=_details(fact.kind, data, criteria),
        recorded_at=fact.recorded_at if late else None,
    )


_WITH_REASON: Final = (FactKind.REOPENED, NoteKind.REQUALIFIED, NoteKind.RESTORATION_REFUSED)


def _title(fact: CaseFact) -> str:
    if fact.kind == FactKind.ACKNOWLEDGED and fact.data.get("automatic"):
        return _("Réception accusée automatiquement")
    if fact.kind == FactKind.RESTORED and fact.data.get("workaround") == "yes":
        return _("Service rétabli par un contournement")
    return words.fact_word(fact.kind)


def _details(kind: str, data: Mapping[str, Any], criteria: Mapping[str, str]) -> list[tuple[str, str]]:
    match kind:
        case FactKind.INFORMED:
            return [(_("Canal"), words.channel_word(str(data.get("channel", ""))))]
        case FactKind.QUALIFIED:
            return [
                (_("Type et priorité"), f"{words.type_word(str(data.get('type', '')))} {data.get('priority', '')}"),
                (_("Critères"), criteria_words(str(data.get("criteria", "")), criteria)),
            ]
        case FactKind.TAKEN_IN_CHARGE | FactKind.INTERVENTION_STARTED:
            return [(_("Personne"), str(data.get("person", "")))]
        case FactKind.PAUSED:
            return [(_("Motif"), str(data.get("reason", ""))), (_("Preuve"), str(data.get("proof", "")))]
        case FactKind.RESTORED | NoteKind.RESTORATION_CONFIRMED:
            confirmation = Confirmation(str(data.get("confirmation", "")))
            return [(_("Confirmation"), _(CONFIRMATION_WORDS[confirmation]))]
        case NoteKind.REQUALIFIED:
            return [(_("De"), _pair(data.get("from"))), (_("À"), _pair(data.get("to")))]
    return []


def criteria_words(codes: str, criteria: Mapping[str, str]) -> str:
    """Return the texts of criteria written as "code, code"; none ticked is said."""
    known = [criteria.get(code, code) for code in codes.split(", ") if code]
    return " ; ".join(known) or _("aucun critère coché")


def _pair(text: object) -> str:
    code, _space, priority = str(text or "").partition(" ")
    return f"{words.type_word(code)} {priority}".strip()
