"""A class A device of LoRaWAN 1.0.x, protocol only: bytes out, bytes in, no clock and no socket."""

from dataclasses import dataclass, field, replace

from cadran.lorawan.codec import crypto, maccommands, phy
from cadran.lorawan.codec.crypto import SessionKeys
from cadran.lorawan.codec.phy import DataFrame, JoinAccept, MType
from cadran.lorawan.rules import MAX_DEV_NONCE, NO_FRAME_YET, ReceiveSettings, counter_candidates
from cadran.simulator.identities import DeviceIdentity


@dataclass(frozen=True, slots=True)
class DeviceSession:
    """What a device keeps of its session; counters: next up, last down (-1: none yet)."""

    dev_addr: int
    nwk_s_key: bytes = field(repr=False)
    app_s_key: bytes = field(repr=False)
    f_cnt_up: int = 0
    f_cnt_down: int = NO_FRAME_YET
    cf_list: tuple[int, ...] = ()
    receive: ReceiveSettings = field(default_factory=ReceiveSettings)


@dataclass(frozen=True, slots=True)
class Received:
    """A downlink a device accepted: the frame in clear, its full counter, its MAC commands."""

    f_cnt: int
    ack: bool
    f_port: int | None
    payload: bytes
    commands: tuple[maccommands.MacCommand, ...]


class SimulatedDevice:
    """Joins, counts, signs, and refuses what a real device refuses.

    ``dev_nonce`` is the first one to use; it goes up by one at each join-request, as 1.0.4 wants.
    """

    def __init__(self, identity: DeviceIdentity, *, dev_nonce: int = 0, session: DeviceSession | None = None) -> None:
        self.identity = identity
        self.next_dev_nonce = dev_nonce
        self._asked_nonce: int | None = None
        self._session: DeviceSession | None = None
        self._keys: SessionKeys | None = None
        self.refused = 0  # downlinks whose MIC or counter was wrong
        if session is not None:
            self.start_session(session)

    @property
    def session(self) -> DeviceSession | None:
        """The session, None before the join."""
        return self._session

    def start_session(self, session: DeviceSession) -> None:
        """Take a session: kept from a former run, or personalised."""
        self._session = session
        self._keys = SessionKeys(nwk_s_key=session.nwk_s_key, app_s_key=session.app_s_key)

    def forget_session(self) -> None:
        """The network does not answer any more: join again."""
        self._session = self._keys = None

    def join_request(self) -> bytes:
        """Return a join-request under a DevNonce never used."""
        self._asked_nonce = self.next_dev_nonce
        self.next_dev_nonce = (self.next_dev_nonce + 1) % (MAX_DEV_NONCE + 1)
        identity = self.identity
        return phy.seal_join_request(
            identity.app_key, join_eui=identity.join_eui, dev_eui=identity.dev_eui, dev_nonce=self._asked_nonce
        )

    def receive_join_accept(self, frame: bytes) -> JoinAccept | None:
        """Take the answer to the last join-request; None when it is not signed with this device's key."""
        if self._asked_nonce is None:
            return None
        accept = phy.open_join_accept(frame, self.identity.app_key)
        if accept is None:
            self.refused += 1
            return None
        keys = crypto.derive_session_keys(
            self.identity.app_key,
            join_nonce=accept.join_nonce,
            net_id=accept.net_id,
            dev_nonce=self._asked_nonce,
        )
        self._asked_nonce = None
        receive = ReceiveSettings(
            rx1_delay_s=accept.rx_delay or 1,
            rx1_dr_offset=accept.rx1_dr_offset,
            rx2_data_rate=accept.rx2_data_rate,
        )
        self.start_session(
            DeviceSession(
                dev_addr=accept.dev_addr,
                nwk_s_key=keys.nwk_s_key,
                app_s_key=keys.app_s_key,
                cf_list=tuple(hertz for hertz in accept.cf_list if hertz),
                receive=receive,
            )
        )
        return accept

    def uplink(self, payload: bytes, *, f_port: int, confirmed: bool = False, f_opts: bytes = b"") -> bytes:
        """Return the next data frame; LookupError before the join."""
        if self._session is None or self._keys is None:
            raise LookupError("This device has not joined.")
        f_cnt = self._session.f_cnt_up
        self._session = replace(self._session, f_cnt_up=f_cnt + 1)
        mtype = MType.CONFIRMED_UP if confirmed else MType.UNCONFIRMED_UP
        clear = DataFrame(mtype, self._session.dev_addr, f_cnt & 0xFFFF, f_opts=f_opts, f_port=f_port, payload=payload)
        return phy.seal_data(clear, self._keys, f_cnt=f_cnt)

    def receive(self, frame: bytes) -> Received | None:
        """Take a data downlink; None when it is for another device, not authentic, or replayed."""
        try:
            parsed = phy.parse(frame)
        except phy.MalformedFrame:
            self.refused += 1
            return None
        session, keys = self._session, self._keys
        if session is None or keys is None or not isinstance(parsed, DataFrame) or parsed.is_uplink:
            return None
        if parsed.dev_addr != session.dev_addr:
            return None
        if parsed.is_ambiguous:
            self.refused += 1
            return None
        f_cnt = counter_candidates(session.f_cnt_down, parsed.f_cnt)[0]
        expected = keys.data_mic(
            frame[: -crypto.MIC_BYTES], direction=crypto.DOWNLINK, dev_addr=session.dev_addr, f_cnt=f_cnt
        )
        if f_cnt <= session.f_cnt_down or not crypto.same_mic(expected, parsed.mic):
            self.refused += 1
            return None
        self._session = replace(session, f_cnt_down=f_cnt)
        clear = b""
        if parsed.f_port is not None:
            clear = keys.crypt(
                parsed.payload,
                f_port=parsed.f_port,
                direction=crypto.DOWNLINK,
                dev_addr=session.dev_addr,
                f_cnt=f_cnt,
            )
        field_read = clear if parsed.f_port == 0 else parsed.f_opts
        commands = maccommands.parse(field_read, uplink=False).commands
        return Received(f_cnt, parsed.ack, parsed.f_port, b"" if parsed.f_port == 0 else clear, commands)
