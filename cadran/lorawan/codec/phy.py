"""LoRaWAN 1.0.x PHYPayload: join-request, join-accept and data frames.

Addresses and identifiers are unsigned integers, most significant byte first as people write them; the frame carries
them least significant byte first. Source: LoRaWAN 1.0.4 (TS001), chapters 4 and 6.
"""

from enum import IntEnum
from struct import Struct
from typing import Final

import msgspec

from cadran.lorawan.codec import crypto

JOIN_REQUEST_BYTES: Final = 23
JOIN_ACCEPT_BYTES: Final = (17, 33)  # without and with a CFList
SHORTEST_BYTES: Final = 5  # MHDR 1, MIC 4
SHORTEST_DATA_BYTES: Final = 12  # MHDR 1, FHDR 7, MIC 4
LONGEST_FRAME_BYTES: Final = 255
MAX_F_OPTS_BYTES: Final = 15

_ADR, _ADR_ACK_REQ, _ACK, _F_PENDING, _F_OPTS_LEN = 0x80, 0x40, 0x20, 0x10, 0x0F
_MAJOR = 0x03
_FHDR = Struct("<xIBH")  # MHDR skipped; DevAddr, FCtrl, FCnt
_FHDR_BYTES = 8
_JOIN_REQUEST = Struct("<xQQH4s")
_CF_LIST_FREQUENCIES = 0  # CFListType: five frequencies
_CF_LIST_STEP_HZ = 100


class MalformedFrame(ValueError):
    """These bytes are not a LoRaWAN 1.0.x frame; the message says why."""


class MType(IntEnum):
    """Message type, bits 7..5 of MHDR."""

    JOIN_REQUEST = 0
    JOIN_ACCEPT = 1
    UNCONFIRMED_UP = 2
    UNCONFIRMED_DOWN = 3
    CONFIRMED_UP = 4
    CONFIRMED_DOWN = 5
    REJOIN_REQUEST = 6
    PROPRIETARY = 7


_MTYPES = tuple(MType)


class JoinRequest(msgspec.Struct, frozen=True, gc=False):
    """A device asks for a session."""

    join_eui: int
    dev_eui: int
    dev_nonce: int
    mic: bytes

    def encode(self) -> bytes:
        """Return the 23 bytes on the air."""
        return _JOIN_REQUEST.pack(self.join_eui, self.dev_eui, self.dev_nonce, self.mic)


class SealedJoinAccept(msgspec.Struct, frozen=True, gc=False):
    """A join-accept still encrypted: see ``open_join_accept``."""

    encrypted: bytes


class DataFrame(msgspec.Struct, frozen=True, gc=False):
    """A data frame, up or down; ``payload`` is still encrypted, ``f_cnt`` holds the 16 bits on the air."""

    mtype: MType
    dev_addr: int
    f_cnt: int
    adr: bool = False
    adr_ack_req: bool = False  # uplink only
    ack: bool = False
    f_pending: bool = False  # downlink; class B on an uplink
    f_opts: bytes = b""
    f_port: int | None = None
    payload: bytes = b""
    mic: bytes = bytes(crypto.MIC_BYTES)

    @property
    def is_uplink(self) -> bool:
        """Whether a device sent it."""
        return self.mtype in (MType.UNCONFIRMED_UP, MType.CONFIRMED_UP)

    @property
    def is_ambiguous(self) -> bool:
        """Whether MAC commands are both in FOpts and on port 0: discarded, authentic or not (TS001 4.3.1.6)."""
        return self.f_port == 0 and bool(self.f_opts)

    @property
    def is_confirmed(self) -> bool:
        """Whether the sender waits for an acknowledgement."""
        return self.mtype in (MType.CONFIRMED_UP, MType.CONFIRMED_DOWN)

    def message(self) -> bytes:
        """Return the bytes the MIC covers: MHDR to FRMPayload."""
        if len(self.f_opts) > MAX_F_OPTS_BYTES:
            raise MalformedFrame(f"FOpts holds at most {MAX_F_OPTS_BYTES} bytes, not {len(self.f_opts)}.")
        control = len(self.f_opts)
        control |= _ADR * self.adr | _ADR_ACK_REQ * self.adr_ack_req | _ACK * self.ack | _F_PENDING * self.f_pending
        header = bytes((self.mtype << 5,)) + _FHDR.pack(self.dev_addr, control, self.f_cnt)[1:] + self.f_opts
        return header if self.f_port is None else header + bytes((self.f_port,)) + self.payload

    def encode(self) -> bytes:
        """Return the bytes on the air."""
        return self.message() + self.mic


class OtherFrame(msgspec.Struct, frozen=True, gc=False):
    """A well-formed frame that LoRaWAN 1.0.x servers do not handle: proprietary, or rejoin (1.1)."""

    mtype: MType
    body: bytes
    mic: bytes


class JoinAccept(msgspec.Struct, frozen=True, gc=False):
    """What the network grants to a device, in clear.

    ``rx_delay`` in seconds (0 means 1); ``cf_list`` holds up to five extra frequencies in Hz (0: unused slot).
    """

    join_nonce: int
    net_id: int
    dev_addr: int
    rx1_dr_offset: int = 0
    rx2_data_rate: int = 0
    rx_delay: int = 0
    cf_list: tuple[int, ...] = ()

    def body(self) -> bytes:
        """Return the clear bytes between MHDR and MIC."""
        settings = (self.rx1_dr_offset & 0x07) << 4 | self.rx2_data_rate & 0x0F
        body = self.join_nonce.to_bytes(3, "little") + self.net_id.to_bytes(3, "little")
        body += self.dev_addr.to_bytes(4, "little") + bytes((settings, self.rx_delay & 0x0F))
        if not self.cf_list:
            return body
        slots = (*self.cf_list, 0, 0, 0, 0, 0)[:5]
        frequencies = b"".join((hertz // _CF_LIST_STEP_HZ).to_bytes(3, "little") for hertz in slots)
        return body + frequencies + bytes((_CF_LIST_FREQUENCIES,))

    @classmethod
    def decode(cls, body: bytes) -> "JoinAccept":
        """Read 12 or 28 clear bytes; MalformedFrame on another length or an unknown kind of CFList."""
        if len(body) not in (12, 28):
            raise MalformedFrame(f"A join-accept body has 12 or 28 bytes, not {len(body)}.")
        cf_list: tuple[int, ...] = ()
        if len(body) == 28:
            if body[27] != _CF_LIST_FREQUENCIES:
                raise MalformedFrame(f"CFList type {body[27]} is not a list of frequencies.")
            cf_list = tuple(int.from_bytes(body[at : at + 3], "little") * _CF_LIST_STEP_HZ for at in range(12, 27, 3))
        return cls(
            join_nonce=int.from_bytes(body[0:3], "little"),
            net_id=int.from_bytes(body[3:6], "little"),
            dev_addr=int.from_bytes(body[6:10], "little"),
            rx1_dr_offset=body[10] >> 4 & 0x07,
            rx2_data_rate=body[10] & 0x0F,
            rx_delay=body[11] & 0x0F,
            cf_list=cf_list,
        )


Frame = DataFrame | JoinRequest | SealedJoinAccept | OtherFrame


def parse(phy: bytes) -> Frame:
    """Return the frame in ``phy`` (PHYPayload, MHDR to MIC); MalformedFrame when it is none. No key is needed."""
    size = len(phy)
    if not SHORTEST_BYTES <= size <= LONGEST_FRAME_BYTES:
        raise MalformedFrame(f"{size} bytes are no LoRaWAN frame.")
    header = phy[0]
    if header & _MAJOR:
        raise MalformedFrame(f"Major version {header & _MAJOR} is not LoRaWAN R1.")
    mtype = _MTYPES[header >> 5]
    if 2 <= mtype <= 5:
        return _parse_data(phy, mtype)
    if mtype == MType.JOIN_REQUEST:
        if size != JOIN_REQUEST_BYTES:
            raise MalformedFrame(f"A join-request has {JOIN_REQUEST_BYTES} bytes, not {size}.")
        return JoinRequest(*_JOIN_REQUEST.unpack(phy))
    if mtype == MType.JOIN_ACCEPT:
        if size not in JOIN_ACCEPT_BYTES:
            raise MalformedFrame(f"A join-accept has 17 or 33 bytes, not {size}.")
        return SealedJoinAccept(encrypted=phy[1:])
    return OtherFrame(mtype, phy[1:-4], phy[-4:])


def _parse_data(phy: bytes, mtype: MType) -> DataFrame:
    if len(phy) < SHORTEST_DATA_BYTES:
        raise MalformedFrame(f"A data frame has at least {SHORTEST_DATA_BYTES} bytes, not {len(phy)}.")
    dev_addr, control, f_cnt = _FHDR.unpack_from(phy)
    f_opts_len = control & _F_OPTS_LEN
    body_at = _FHDR_BYTES + f_opts_len
    mic_at = len(phy) - crypto.MIC_BYTES
    if body_at > mic_at:
        raise MalformedFrame(f"FOpts of {f_opts_len} bytes overruns the frame.")
    f_port: int | None = None
    payload = b""
    if body_at < mic_at:
        f_port = phy[body_at]
        payload = phy[body_at + 1 : mic_at]
    return DataFrame(
        mtype,
        dev_addr,
        f_cnt,
        control & _ADR != 0,
        control & _ADR_ACK_REQ != 0,
        control & _ACK != 0,
        control & _F_PENDING != 0,
        phy[_FHDR_BYTES:body_at] if f_opts_len else b"",
        f_port,
        payload,
        phy[mic_at:],
    )


def seal_data(clear: DataFrame, keys: crypto.SessionKeys, *, f_cnt: int) -> bytes:
    """Encrypt and sign a data frame whose ``payload`` is clear; ``f_cnt`` is the full 32-bit counter."""
    direction = crypto.UPLINK if clear.is_uplink else crypto.DOWNLINK
    payload = b""
    if clear.f_port is not None:
        payload = keys.crypt(
            clear.payload, f_port=clear.f_port, direction=direction, dev_addr=clear.dev_addr, f_cnt=f_cnt
        )
    sealed = msgspec.structs.replace(clear, f_cnt=f_cnt & 0xFFFF, payload=payload)
    message = sealed.message()
    return message + keys.data_mic(message, direction=direction, dev_addr=clear.dev_addr, f_cnt=f_cnt)


def seal_join_request(app_key: bytes, *, join_eui: int, dev_eui: int, dev_nonce: int) -> bytes:
    """Return a signed join-request, as a device sends it."""
    unsigned = JoinRequest(join_eui, dev_eui, dev_nonce, bytes(crypto.MIC_BYTES)).encode()[: -crypto.MIC_BYTES]
    return unsigned + crypto.join_mic(app_key, unsigned)


def seal_join_accept(accept: JoinAccept, app_key: bytes) -> bytes:
    """Sign and encrypt a join-accept."""
    header = bytes((MType.JOIN_ACCEPT << 5,))
    body = accept.body()
    return header + crypto.encrypt_join_accept(app_key, body + crypto.join_mic(app_key, header + body))


def open_join_accept(phy: bytes, app_key: bytes) -> JoinAccept | None:
    """Decrypt and check a join-accept; None when the MIC is not that of ``app_key``."""
    frame = parse(phy)
    if not isinstance(frame, SealedJoinAccept):
        raise MalformedFrame("This frame is not a join-accept.")
    clear = crypto.decrypt_join_accept(app_key, frame.encrypted)
    body, mic = clear[: -crypto.MIC_BYTES], clear[-crypto.MIC_BYTES :]
    if not crypto.same_mic(mic, crypto.join_mic(app_key, phy[:1] + body)):
        return None
    return JoinAccept.decode(body)
