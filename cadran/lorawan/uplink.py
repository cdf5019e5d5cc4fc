"""A frame's path: copies collected for 200 ms, then ``handle_uplink``, one step after the other."""

import logging
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from cadran.lorawan import join, rules
from cadran.lorawan.codec import crypto, eu868, maccommands, phy
from cadran.lorawan.counters import Counters, RefusalReason, Refused
from cadran.lorawan.line import Batch, Collected, Line, UplinkAnswer
from cadran.lorawan.ports import Reception, UplinkKind, UplinkRecord
from cadran.lorawan.rules import CounterVerdict
from cadran.lorawan.sessions import Session

MAX_RECEPTIONS: Final = 32  # copies of one frame kept; a village has fewer gateways
_MILLISECOND: Final = timedelta(milliseconds=1)
_BURST: Final = timedelta(seconds=1)  # further back, the server's clock was set: its word is taken
TURN_S: Final = 0.01  # the collector empties at most this often, so that a burst is handled in batches

_log = logging.getLogger(__name__)


class Opened(msgspec.Struct, frozen=True, gc=False):
    """An authentic frame: who sent it, under which full counter, and how it relates to the ones before."""

    session: Session
    f_cnt: int
    verdict: CounterVerdict


# --- the collector -------------------------------------------------------------------------------------------------


class Collector:
    """Gathers the copies of each frame for the de-duplication window, then hands frames over in batches.

    ``call_later`` is the event loop's; ``room`` says how many uplinks the store still takes: a frame is only
    accepted (and its datagram acknowledged) when there is room for it and for all those already collected.
    """

    def __init__(
        self,
        *,
        window_s: float,
        max_pending: int,
        room: Callable[[], int],
        hand_over: Callable[[list[Collected]], None],
        call_later: Callable[[float, Callable[[], None]], object],
        counters: Counters,
    ) -> None:
        self._window_s = window_s
        self._max_pending = max_pending
        self._room = room
        self._hand_over = hand_over
        self._call_later = call_later
        self._counters = counters
        self._pending: dict[bytes, list[Reception]] = {}  # in order of first arrival
        self._scheduled = False

    def offer(self, reception: Reception, phy_payload: bytes) -> bool:
        """Take one copy of a frame; False when there is no room left for a new frame."""
        key = rules.deduplication_key(phy_payload)
        copies = self._pending.get(key)
        if copies is not None:
            if len(copies) < MAX_RECEPTIONS:
                copies.append(reception)
            self._counters.receptions += 1
            return True
        waiting = len(self._pending)
        if waiting >= self._max_pending or waiting >= self._room():
            return False
        self._counters.receptions += 1
        self._pending[key] = [reception]
        if not self._scheduled:
            self._scheduled = True
            self._call_later(self._window_s, self._turn)
        return True

    def flush(self) -> None:
        """Hand every frame over now, its window over or not: the server is stopping."""
        self._release(float("inf"))

    def _turn(self) -> None:
        self._scheduled = False
        now = time.monotonic()
        try:
            self._release(now - self._window_s)
        finally:
            if self._pending and not self._scheduled:
                self._scheduled = True
                oldest = next(iter(self._pending.values()))[0].arrived
                self._call_later(max(TURN_S, oldest + self._window_s - now), self._turn)

    def _release(self, arrived_before: float) -> None:
        ready = []
        for key, copies in self._pending.items():
            if copies[0].arrived > arrived_before:
                break
            ready.append((key, copies))
        for key, _copies in ready:
            del self._pending[key]
        if ready:
            self._hand_over([collect_receptions(key, copies, self._counters) for key, copies in ready])


def collect_receptions(phy_payload: bytes, copies: list[Reception], counters: Counters) -> Collected:
    """Return a frame with its receptions, best first; a copy the network duplicated is left out and counted."""
    first = copies[0]
    if len(copies) == 1:
        return Collected(phy_payload, first, (first,))
    distinct = {(copy.gateway_eui, copy.packet.tmst, copy.packet.channel): copy for copy in reversed(copies)}
    counters.duplicated_receptions += len(copies) - len(distinct)
    return Collected(phy_payload, first, tuple(rules.best_first(distinct.values())))


# --- the path ------------------------------------------------------------------------------------------------------


def handle_batch(line: Line, frames: Sequence[Collected]) -> None:
    """Take frames through their path, queue the uplinks at once, then start the answers."""
    batch = Batch()
    for collected in frames:
        line.counters.frames += 1
        try:
            handle_uplink(line, collected, batch)
        except Refused as refused:
            line.refusals.note(refused.reason, refused.subject, collected.first.received_at)
        except Exception:
            line.counters.faults += 1
            _log.exception("A frame heard by gateway %016x could not be handled.", collected.first.gateway_eui)
    try:
        queue_for_store(line, batch)
    except Exception:
        line.counters.faults += 1
        line.counters.uplinks_lost += len(batch.records)
        _log.exception("%d uplinks could not be queued.", len(batch.records))


def handle_uplink(line: Line, collected: Collected, batch: Batch) -> None:
    """Take one frame from bytes to the batch of its turn; Refused names the step that stopped it."""
    frame = parse_frame(collected)
    if isinstance(frame, phy.JoinRequest):
        join.handle_join(line, frame, collected)
        return
    sessions = find_session(line, frame)
    session, f_cnt = check_mic(sessions, frame, collected)
    opened = accept_counter(line, session, frame, f_cnt)
    payload = decrypt(opened, frame)
    commands = apply_mac_commands(line, frame, payload)
    late = advance_session(line, opened, frame, collected)
    record = describe_uplink(opened, frame, collected, b"" if frame.f_port == 0 else payload, commands)
    batch.records.append(record)
    if not late:
        prepare_answer(batch, opened, frame, collected, commands)


def parse_frame(collected: Collected) -> phy.DataFrame | phy.JoinRequest:
    """Return the uplink or join-request in the bytes."""
    gateway = f"{collected.first.gateway_eui:016x}"
    try:
        frame = phy.parse(collected.phy)
    except phy.MalformedFrame:
        raise Refused(RefusalReason.MALFORMED_FRAME, gateway) from None
    if isinstance(frame, phy.JoinRequest):
        return frame
    if isinstance(frame, phy.DataFrame) and frame.is_uplink:
        if frame.is_ambiguous:
            raise Refused(RefusalReason.MALFORMED_FRAME, gateway)
        return frame
    raise Refused(RefusalReason.NOT_AN_UPLINK, gateway)


def find_session(line: Line, frame: phy.DataFrame) -> tuple[Session, ...]:
    """Return the sessions that use the frame's address."""
    sessions = line.registry.sessions_at(frame.dev_addr)
    if not sessions:
        raise Refused(RefusalReason.UNKNOWN_DEV_ADDR, f"{frame.dev_addr:08x}")
    return sessions


def check_mic(sessions: Sequence[Session], frame: phy.DataFrame, collected: Collected) -> tuple[Session, int]:
    """Return the session whose key signed the frame, and the full counter it signed."""
    message = collected.phy[: -crypto.MIC_BYTES]
    for session in sessions:
        may_reset = session.device.record.counter_may_reset
        for f_cnt in rules.counter_candidates(session.f_cnt_up, frame.f_cnt, may_reset=may_reset):
            expected = session.keys.data_mic(message, direction=crypto.UPLINK, dev_addr=frame.dev_addr, f_cnt=f_cnt)
            if crypto.same_mic(expected, frame.mic):
                return session, f_cnt
    raise Refused(RefusalReason.WRONG_MIC, f"{frame.dev_addr:08x}")


def accept_counter(line: Line, session: Session, frame: phy.DataFrame, f_cnt: int) -> Opened:
    """Refuse a replay; say whether the frame is new, repeated, or a permitted restart."""
    verdict = rules.judge_counter(
        last=session.f_cnt_up,
        f_cnt=f_cnt,
        same_frame_as_last=frame.mic == session.last_mic or not session.last_mic,
        may_reset=session.device.record.counter_may_reset,
    )
    if verdict is CounterVerdict.REPLAYED:
        raise Refused(RefusalReason.REPLAYED, f"{session.device.record.dev_eui:016x}")
    return Opened(session, f_cnt, verdict)


def decrypt(opened: Opened, frame: phy.DataFrame) -> bytes:
    """Return the FRMPayload in clear: NwkSKey on port 0, AppSKey elsewhere."""
    if frame.f_port is None:
        return b""
    return opened.session.keys.crypt(
        frame.payload,
        f_port=frame.f_port,
        direction=crypto.UPLINK,
        dev_addr=frame.dev_addr,
        f_cnt=opened.f_cnt,
    )


def apply_mac_commands(line: Line, frame: phy.DataFrame, payload: bytes) -> tuple[maccommands.MacCommand, ...]:
    """Read the frame's MAC commands, in FOpts or on port 0, and count them."""
    field = payload if frame.f_port == 0 else frame.f_opts
    if not field:
        return ()
    read = maccommands.parse(field, uplink=True)
    line.counters.mac_commands += len(read.commands)
    if read.unread:
        line.counters.mac_commands_unread += 1
    return read.commands


def advance_session(line: Line, opened: Opened, frame: phy.DataFrame, collected: Collected) -> bool:
    """Move the session's counter on; return whether this is only a late copy of a frame already handled."""
    session, counters = opened.session, line.counters
    arrived = collected.first.arrived
    if opened.verdict is CounterVerdict.RETRANSMISSION:
        late = arrived - session.last_arrived < rules.MIN_RETRANSMISSION_S
        if late:
            counters.late_copies += 1
        else:
            counters.retransmissions += 1
            session.last_arrived = arrived
        return late
    counters.uplinks += 1
    counters.counter_resets += opened.verdict is CounterVerdict.RESET
    session.f_cnt_up, session.last_mic, session.last_arrived = opened.f_cnt, frame.mic, arrived
    if session.device.pending is session:
        line.registry.confirm(session)
    return False


_KINDS: Final = {
    CounterVerdict.ACCEPTED: UplinkKind.NEW,
    CounterVerdict.RETRANSMISSION: UplinkKind.RETRANSMISSION,
    CounterVerdict.RESET: UplinkKind.RESET,
}


def describe_uplink(
    opened: Opened,
    frame: phy.DataFrame,
    collected: Collected,
    payload: bytes,
    commands: tuple[maccommands.MacCommand, ...],
) -> UplinkRecord:
    """Return what the store keeps of the uplink."""
    session = opened.session
    device = session.device.record
    return UplinkRecord(
        device.device_id,
        device.owner_id,
        device.profile_id,
        device.dev_eui,
        frame.dev_addr,
        session.join_nonce,
        _KINDS[opened.verdict],
        _own_instant(session, opened, collected.first.received_at),
        opened.f_cnt,
        frame.f_port,
        payload,
        frame.is_confirmed,
        frame.adr,
        collected.best.packet.frequency_hz,
        collected.data_rate,
        commands,
        collected.receptions,
    )


def _own_instant(session: Session, opened: Opened, received_at: datetime) -> datetime:
    """Give each new frame of a device a millisecond of its own: the store keeps one measurement for each.

    A link that comes back delivers at once the frames it had held, several in one datagram.
    """
    if opened.verdict is CounterVerdict.RETRANSMISSION:
        return received_at
    former = session.recorded_at
    if former is not None and -_MILLISECOND < former - received_at < _BURST:
        received_at = former + _MILLISECOND
    session.recorded_at = received_at
    return received_at


def prepare_answer(
    batch: Batch,
    opened: Opened,
    frame: phy.DataFrame,
    collected: Collected,
    commands: tuple[maccommands.MacCommand, ...],
) -> None:
    """Plan a downlink when the device waits for one: acknowledgement, MAC answers, or a sign of life (ADRACKReq)."""
    f_opts = mac_answers(collected, commands) if commands else b""
    if frame.is_confirmed or frame.adr_ack_req or f_opts:
        answer = UplinkAnswer(opened.session, collected, frame.is_confirmed, f_opts)
        batch.answers.append((len(batch.records) - 1, answer))


def mac_answers(collected: Collected, commands: Sequence[maccommands.MacCommand]) -> bytes:
    """Return FOpts answering LinkCheckReq and DeviceTimeReq, each once; other commands ask for nothing."""
    asked = {command.identifier for command in commands}
    answers = b""
    if maccommands.LINK_CHECK in asked:
        margin = eu868.link_margin_db(collected.best.snr_db, collected.data_rate)
        answers += maccommands.link_check_answer(margin_db=margin, gateways=len(collected.gateway_euis))
    if maccommands.DEVICE_TIME in asked:
        answers += maccommands.device_time_answer(collected.first.received_at)
    return answers


def queue_for_store(line: Line, batch: Batch) -> None:
    """Queue the turn's uplinks without waiting, then start the answers of those that were taken."""
    if not batch.records:
        return
    taken = line.store.submit_uplinks(batch.records)
    line.counters.uplinks_lost += len(batch.records) - taken
    for rank, answer in batch.answers:
        if rank < taken:
            line.answers.answer_uplink(answer)
