"""Read the device packs: makers, devices, profiles, codecs (layout in packs/devices/README.md)."""

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import msgspec

from cadran.kernel.packs import Located, PackError, PathStep, read_located
from cadran.telemetry.codec import CAYENNE, CodecCall, CodecResult
from cadran.telemetry.decoders import DecoderPool

REGION = "EU863-870"  # the plan of France and of its overseas territories
_NAME = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,34}[a-z0-9])?")
_SOMETIME = datetime(2025, 1, 1, tzinfo=UTC)  # for an example that gives no time


class Quantity(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One stored number: ``key`` in the codec's data, what it is, its unit, its French name."""

    key: str
    quantity: str
    unit: str
    label: str


class _Vendor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    name: str
    description: str | None = None
    vendor_id: int | None = msgspec.field(default=None, name="vendorID")
    website: str | None = None
    logo: str | None = None
    social: dict[str, str] = {}
    ouis: list[str] = []
    pen: int | None = None


class _Vendors(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    vendors: list[_Vendor]


class _Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    end_devices: list[str] = msgspec.field(name="endDevices")
    profile_ids: dict[str, Any] = msgspec.field(default_factory=dict, name="profileIDs")


class _ProfileUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    id: str
    vendor_id: str | None = msgspec.field(default=None, name="vendorID")
    lorawan_certified: bool = msgspec.field(default=False, name="lorawanCertified")
    codec: str | None = None


class _Firmware(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    version: str
    profiles: dict[str, _ProfileUse]
    numeric: int | None = None
    hardware_versions: list[str] = msgspec.field(default_factory=list, name="hardwareVersions")


class _Device(msgspec.Struct, frozen=True):
    """The repository's sheets say much more (sizes, photos, batteries) that nothing here reads: it is let through."""

    name: str
    description: str
    firmware_versions: list[_Firmware] = msgspec.field(name="firmwareVersions")


class _Profile(msgspec.Struct, frozen=True):
    mac_version: Literal["1.0.2", "1.0.3", "1.0.4"] = msgspec.field(name="macVersion")
    regional_parameters: str = msgspec.field(name="regionalParametersVersion")
    quantities: list[Quantity]
    supports_join: bool = msgspec.field(name="supportsJoin")
    max_eirp: float | None = msgspec.field(default=None, name="maxEIRP")
    class_b: bool = msgspec.field(default=False, name="supportsClassB")
    class_c: bool = msgspec.field(default=False, name="supportsClassC")


class _ExampleInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    f_port: int = msgspec.field(name="fPort")
    bytes: list[int]
    recv_time: datetime | None = msgspec.field(default=None, name="recvTime")


class _ExampleOutput(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    data: dict[str, Any] | None = None
    warnings: list[str] = []
    errors: list[str] = []


class _Example(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    description: str
    input: _ExampleInput
    output: _ExampleOutput
    normalized_output: Any = msgspec.field(default=None, name="normalizedOutput")


class _Decoder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    file_name: str = msgspec.field(name="fileName")
    examples: list[_Example] = []


class _Codec(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    uplink_decoder: _Decoder = msgspec.field(name="uplinkDecoder")
    downlink_encoder: Any = msgspec.field(default=None, name="downlinkEncoder")
    downlink_decoder: Any = msgspec.field(default=None, name="downlinkDecoder")


@dataclass(frozen=True, slots=True)
class Example:
    """A payload and what its codec must answer; ``file`` and ``line`` are where it is written."""

    description: str
    call: CodecCall
    expected: CodecResult
    file: Path
    line: int


@dataclass(frozen=True, slots=True)
class DevicePack:
    """One firmware of one device, ready to be stored: ``code`` is stable (``maker/device@version``)."""

    code: str
    name: str
    description: str
    maker: str
    quantities: tuple[Quantity, ...]
    codec: str
    codec_source: str
    radio: dict[str, Any]
    digest: str  # sha256 of all that is above: the same content has the same digest
    examples: tuple[Example, ...]


def load_devices(folder: Path) -> list[DevicePack]:
    """Read ``folder/vendor`` whole; the first mistake raises ``PackError`` with its file, line and remedy."""
    index = read_located(folder / "vendor" / "index.yaml", _Vendors)
    packs: list[DevicePack] = []
    for number, vendor in enumerate(index.value.vendors):
        _check_name(index, vendor.id, "vendors", number, "id")
        devices = read_located(folder / "vendor" / vendor.id / "index.yaml", _Index)
        for place, device in enumerate(devices.value.end_devices):
            _check_name(devices, device, "endDevices", place)
            packs += _device(folder / "vendor", vendor, device)
    return packs


def failing_examples(packs: Sequence[DevicePack], pool: DecoderPool) -> list[PackError]:
    """Run every example of every codec (one batch); return those whose answer is not the one written."""
    examples = list({(example.file, example.line): example for pack in packs for example in pack.examples}.values())
    answers = pool.decode([example.call for example in examples])
    return [
        PackError(
            file=example.file,
            line=example.line,
            problem=f"l’exemple « {example.description} » donne {_told(answer)} au lieu de {_told(example.expected)}.",
            remedy="Corrigez le codec ou l’exemple.",
        )
        for example, answer in zip(examples, answers, strict=True)
        if answer != example.expected
    ]


def _told(result: CodecResult) -> str:
    if result.failure:
        return f"un échec : {result.failure.detail}"
    return str({"data": result.data, "warnings": list(result.warnings), "errors": list(result.errors)})


def _check_name(where: Located[Any], name: str, *path: PathStep) -> None:
    """A name becomes a file's name: what could climb out of the folder is refused."""
    if not _NAME.fullmatch(name):
        raise where.error(
            *path,
            problem=f"« {name} » n’est pas un identifiant.",
            remedy="Écrivez 1 à 36 lettres minuscules, chiffres ou tirets.",
        )


def _device(root: Path, vendor: _Vendor, device: str) -> list[DevicePack]:
    sheet = read_located(root / vendor.id / f"{device}.yaml", _Device)
    packs = []
    for number, firmware in enumerate(sheet.value.firmware_versions):
        path: tuple[PathStep, ...] = ("firmwareVersions", number, "profiles", REGION)
        use = firmware.profiles.get(REGION)
        if use is None:
            continue  # a firmware for another continent
        _check_name(sheet, use.id, *path, "id")
        profile_vendor = use.vendor_id or vendor.id
        _check_name(sheet, profile_vendor, *path, "vendorID")
        if use.codec is None:
            raise sheet.error(*path, problem="aucun codec.", remedy="Ajoutez « codec: » (« cayenne » s’il convient).")
        _check_name(sheet, use.codec, *path, "codec")
        profile = _profile(root / profile_vendor / f"{use.id}.yaml")
        source, examples = _codec(root / vendor.id, vendor.id, use.codec)
        packs.append(
            _pack(f"{vendor.id}/{device}@{firmware.version}", vendor, sheet.value, profile, (source, examples))
        )
    return packs


def _profile(path: Path) -> _Profile:
    profile = read_located(path, _Profile)
    value = profile.value
    if not value.supports_join:
        raise profile.error(
            "supportsJoin",
            problem="un équipement sans jonction (ABP) n’est pas pris en charge.",
            remedy="Configurez l’équipement en OTAA, puis écrivez true.",
        )
    if not value.quantities:
        raise profile.error("quantities", problem="aucune grandeur.", remedy="Déclarez au moins une grandeur.")
    keys = [quantity.key for quantity in value.quantities]
    for number, key in enumerate(keys):
        if key in keys[:number]:
            raise profile.error(
                "quantities", number, problem=f"la grandeur « {key} » est déclarée deux fois.", remedy="Gardez-en une."
            )
    return value


def _codec(folder: Path, maker: str, name: str) -> tuple[CodecCall, tuple[Example, ...]]:
    """Return a call that carries the codec's key and source, and the examples."""
    if name == CAYENNE:
        return CodecCall(CAYENNE, "", 1, b"", _SOMETIME), ()
    codec = read_located(folder / f"{name}.yaml", _Codec)
    decoder = codec.value.uplink_decoder
    file = folder / decoder.file_name
    if Path(decoder.file_name).name != decoder.file_name or not file.is_file():
        raise codec.error(
            "uplinkDecoder",
            "fileName",
            problem=f"le fichier « {decoder.file_name} » n’est pas dans ce dossier.",
            remedy="Placez le JavaScript à côté de ce fichier.",
        )
    model = CodecCall(f"{maker}/{name}", file.read_text(encoding="utf-8"), 1, b"", _SOMETIME)
    return model, tuple(_example(codec, model, number) for number in range(len(decoder.examples)))


def _example(codec: Located[_Codec], model: CodecCall, number: int) -> Example:
    path: tuple[PathStep, ...] = ("uplinkDecoder", "examples", number)
    example = codec.value.uplink_decoder.examples[number]
    try:
        payload = bytes(example.input.bytes)
    except ValueError:
        raise codec.error(
            *path, "input", "bytes", problem="un octet n’est pas entre 0 et 255.", remedy="Corrigez la trame."
        ) from None
    output = example.output
    return Example(
        example.description,
        CodecCall(model.codec_key, model.source, example.input.f_port, payload, example.input.recv_time or _SOMETIME),
        CodecResult(None if output.errors else output.data, tuple(output.warnings), tuple(output.errors)),
        codec.file,
        codec.line(*path),
    )


def _pack(
    code: str, vendor: _Vendor, sheet: _Device, profile: _Profile, codec: tuple[CodecCall, tuple[Example, ...]]
) -> DevicePack:
    radio = {
        "lorawan": profile.mac_version,
        "regional_parameters": profile.regional_parameters,
        "region": REGION,
        "class": "C" if profile.class_c else "B" if profile.class_b else "A",
        "join": "OTAA",
        "max_eirp": profile.max_eirp,
    }
    model, examples = codec
    content = (
        code,
        sheet.name,
        sheet.description,
        vendor.name,
        profile.quantities,
        model.codec_key,
        model.source,
        radio,
    )
    return DevicePack(
        code=code,
        name=sheet.name,
        description=sheet.description,
        maker=vendor.name,
        quantities=tuple(profile.quantities),
        codec=model.codec_key,
        codec_source=model.source,
        radio=radio,
        digest=hashlib.sha256(msgspec.json.encode(content, order="deterministic")).hexdigest(),
        examples=examples,
    )
