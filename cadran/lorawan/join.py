"""Over-the-air activation: a join-request becomes a session, or is refused and counted."""

from cadran.lorawan import rules
from cadran.lorawan.codec import crypto
from cadran.lorawan.codec.phy import JoinAccept, JoinRequest
from cadran.lorawan.counters import RefusalReason, Refused
from cadran.lorawan.line import Collected, JoinGrant, Line, NetworkSettings
from cadran.lorawan.sessions import DOWNLINK_COUNTER_BLOCK, Device, SessionRecord


def handle_join(line: Line, request: JoinRequest, collected: Collected) -> None:
    """Take one join-request from its frame to the exchange that answers it; Refused names the step that stopped it."""
    line.counters.join_requests += 1
    device, app_key = find_device(line, request)
    check_mic(request, collected, app_key)
    spend_dev_nonce(device, request)
    session = grant_session(line, device, request, app_key)
    line.answers.answer_join(JoinGrant(device, request, session, collected))


def find_device(line: Line, request: JoinRequest) -> tuple[Device, bytes]:
    """Return the device that asks, and its AppKey: registered to join, under this JoinEUI."""
    subject = f"{request.dev_eui:016x}"
    device = line.registry.device(request.dev_eui)
    if device is None or device.record.app_key is None:
        raise Refused(RefusalReason.JOIN_UNKNOWN_DEVICE, subject)
    if device.record.join_eui is not None and device.record.join_eui != request.join_eui:
        raise Refused(RefusalReason.JOIN_WRONG_JOIN_EUI, subject)
    return device, device.record.app_key


def check_mic(request: JoinRequest, collected: Collected, app_key: bytes) -> None:
    """Refuse a request its AppKey did not sign."""
    expected = crypto.join_mic(app_key, collected.phy[: -crypto.MIC_BYTES])
    if not crypto.same_mic(expected, request.mic):
        raise Refused(RefusalReason.JOIN_WRONG_MIC, f"{request.dev_eui:016x}")


def spend_dev_nonce(device: Device, request: JoinRequest) -> None:
    """Refuse a DevNonce already used; spend it at once, so that a replay meanwhile is refused too."""
    new = rules.dev_nonce_is_new(
        version=device.record.version,
        used=device.used_dev_nonces,
        highest=device.highest_dev_nonce,
        dev_nonce=request.dev_nonce,
    )
    if device.join_nonce >= rules.MAX_JOIN_NONCE:
        raise Refused(RefusalReason.JOIN_NONCES_SPENT, f"{request.dev_eui:016x}")
    if not new:
        raise Refused(RefusalReason.JOIN_NONCE_USED, f"{request.dev_eui:016x}")
    device.used_dev_nonces.add(request.dev_nonce)
    device.highest_dev_nonce = max(device.highest_dev_nonce, request.dev_nonce)


def grant_session(line: Line, device: Device, request: JoinRequest, app_key: bytes) -> SessionRecord:
    """Return the session granted: next JoinNonce, an address, keys both ends derive."""
    device.join_nonce += 1
    net_id = line.settings.net_id
    keys = crypto.derive_session_keys(app_key, join_nonce=device.join_nonce, net_id=net_id, dev_nonce=request.dev_nonce)
    return SessionRecord(
        dev_addr=line.registry.free_address(net_id),
        nwk_s_key=keys.nwk_s_key,
        app_s_key=keys.app_s_key,
        join_nonce=device.join_nonce,
        f_cnt_down_reserved=DOWNLINK_COUNTER_BLOCK,
        receive=line.settings.receive,
    )


def join_accept(settings: NetworkSettings, session: SessionRecord) -> JoinAccept:
    """Return the join-accept that tells a device its session."""
    return JoinAccept(
        join_nonce=session.join_nonce,
        net_id=settings.net_id,
        dev_addr=session.dev_addr,
        rx1_dr_offset=session.receive.rx1_dr_offset,
        rx2_data_rate=session.receive.rx2_data_rate,
        rx_delay=session.receive.rx1_delay_s,
        cf_list=settings.cf_list,
    )
