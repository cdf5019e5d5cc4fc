"""Everything the page and the sheet of one incident show, read once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.safestring import SafeString

from cadran.commitments import selectors as commitments
from cadran.commitments.rules import Verdict
from cadran.kernel.calendars import zone_named
from cadran.kernel.models import AuditEntry
from cadran.kernel.viewer import Viewer
from cadran.servicedesk import selectors, thread, why, words
from cadran.servicedesk.models import Incident
from cadran.servicedesk.rules import Action
from cadran.servicedesk.thread import Day, Entry
from cadran.ui import clock

MOST_AUDIT_LINES = 100
# The act that moves an incident forward comes first; the others keep their order.
FORWARD = (Action.CONFIRM_RESTORED, Action.RESUME, Action.CLOSE)


@dataclass(frozen=True, slots=True)
class ClockCard:
    """One clock of the page: its dial and the facts under it."""

    name: str
    face: clock.Face
    calendar: str
    article: str
    pauses: str
    started_at: datetime | None


@dataclass(frozen=True, slots=True)
class Act:
    """An act open to the reader: its address, its verb, what it will do."""

    action: Action
    slug: str
    word: str
    consequence: str


@dataclass(frozen=True, slots=True)
class IncidentPage:
    """An incident as its page shows it, in the site's zone."""

    row: Incident
    zone: ZoneInfo
    state: str
    state_badge: str
    type_word: str
    channel: str
    clocks: Sequence[ClockCard]
    thread: Sequence[Entry]
    days: Sequence[Day]
    zone_note: str  # which clock the page reads, when it is not the reader's
    acts: Sequence[Act]
    may_comment: bool
    criteria: Sequence[str]
    levels: commitments.Levels


def read(*, viewer: Viewer, incident_id: int, now: datetime) -> IncidentPage:
    """Return the page of a visible incident (about ten queries, whatever the length of its thread).

    Raises NotFound: absent or another's.
    """
    row = selectors.incident(viewer=viewer, reference=incident_id)
    verdicts = selectors.clocks_of(viewer=viewer, rows=[row], now=now)[row.pk]
    levels = commitments.levels_of_case(viewer=viewer, case_id=row.case_id)
    texts = {criterion.code: criterion.text for criterion in levels.content.criteria}
    facts = commitments.facts_of(viewer=viewer, case_id=row.case_id)
    messages = list(row.messages.filter(owner_id=row.owner_id).order_by("created_at", "id"))
    open_acts = selectors.what_next(viewer=viewer, row=row)
    zone = zone_named(row.site.zone)
    lines = thread.entries(facts=facts, messages=messages, criteria=texts)
    return IncidentPage(
        row=row,
        zone=zone,
        state=words.state_word(row),
        state_badge=words.state_badge(row).value,
        type_word=words.type_word(row.type),
        channel=words.channel_word(row.channel),
        clocks=clock_cards(verdicts),
        thread=lines,
        days=thread.days(lines, zone, now=now),
        zone_note=why.zone_note(now, zone),
        acts=acts(open_acts, somebody=bool(row.assignee)),
        may_comment=Action.COMMENT in open_acts,
        criteria=[texts.get(code, code) for code in row.criteria],
        levels=levels,
    )


def clock_cards(verdicts: Mapping[str, Verdict]) -> list[ClockCard]:
    """Return the clocks with what is said under each."""
    return [
        ClockCard(
            name=name,
            face=why.face_of(verdict),
            calendar=why.hours_words(verdict.commitment.calendar),
            article=verdict.commitment.article,
            pauses=why.pause_count([*verdict.pauses, *verdict.held]),
            started_at=verdict.started_at,
        )
        for name, verdict in verdicts.items()
    ]


def acts(open_acts: Sequence[Action], *, somebody: bool) -> list[Act]:
    """Return the acts open to the reader, the one that moves the incident forward first; writing has its own place.

    ``somebody`` is in charge already: what comes next is the restoration, not another person.
    """
    forward = (*FORWARD, Action.RESTORE if somebody else Action.TAKE_IN_CHARGE)
    first = next((action for action in forward if action in open_acts), None)
    ordered = sorted((action for action in open_acts if action is not Action.COMMENT), key=lambda one: one is not first)
    return [
        Act(action, words.SLUGS[action], words.action_word(action), str(words.CONSEQUENCES[action]))
        for action in ordered
    ]


def audit_lines(row: Incident, zone: ZoneInfo, *, now: datetime) -> list[tuple[AuditEntry, str, SafeString]]:
    """Return the audit trail of an incident already read, newest first: the line, its act, its hour (one query)."""
    entries = AuditEntry.objects.filter(owner_id=row.owner_id, object_type="incident", object_id=str(row.pk))
    newest = entries.order_by("-at", "-id")[:MOST_AUDIT_LINES]
    return [
        (entry, str(words.AUDIT.get(entry.action, entry.action)), why.short_html(entry.at, zone, now=now))
        for entry in newest
    ]
