"""The device packs of the checkout load, their examples hold, and a mistake in one says where it is."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from cadran.kernel.packs import PackError
from cadran.telemetry.codec import CodecCall, values_in_order
from cadran.telemetry.decoders import DecoderPool
from cadran.telemetry.device_packs import DevicePack, failing_examples, load_devices

DEVICES = Path(__file__).parents[3] / "packs" / "devices"


@pytest.fixture(scope="module")
def packs() -> list[DevicePack]:
    return load_devices(DEVICES)


@pytest.fixture(scope="module")
def pool() -> Iterator[DecoderPool]:
    with DecoderPool() as pool:
        yield pool


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(DEVICES, tmp_path / "devices")
    return tmp_path / "devices"


def change(folder: Path, name: str, old: str, new: str) -> Path:
    path = folder / "vendor" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return path


def test_every_example_of_every_codec_holds(packs: list[DevicePack], pool: DecoderPool) -> None:
    assert all(len(pack.examples) >= 2 for pack in packs)
    assert [str(error) for error in failing_examples(packs, pool)] == []


def test_every_example_with_data_fills_its_profile(packs: list[DevicePack]) -> None:
    for pack in packs:
        keys = [quantity.key for quantity in pack.quantities]
        for example in pack.examples:
            if example.expected.data is not None:
                assert None not in values_in_order(example.expected.data, keys), pack.code


def test_the_demonstration_devices(packs: list[DevicePack]) -> None:
    """The order is a promise: the numbers already stored are read by it."""
    assert {pack.code: [quantity.key for quantity in pack.quantities] for pack in packs} == {
        "cadran-demo/ambient@1.0": ["temperature", "humidity", "battery"],
        "cadran-demo/cold-room@1.0": ["temperature", "door", "battery"],
        "cadran-demo/co2@1.0": ["co2", "temperature", "humidity", "battery"],
        "cadran-demo/water-meter@1.0": ["index", "battery"],
        "cadran-demo/parking@1.0": ["occupied", "battery"],
    }
    assert {pack.maker for pack in packs} == {"Cadran Démonstration"}
    assert {pack.radio["lorawan"] for pack in packs} == {"1.0.2", "1.0.3", "1.0.4"}
    assert {(pack.radio["region"], pack.radio["class"], pack.radio["join"]) for pack in packs} == {
        ("EU863-870", "A", "OTAA")
    }
    for pack in packs:
        assert max(len(pack.code), len(pack.codec)) <= 80
        assert "decodeUplink" in pack.codec_source


def test_any_payload_gets_an_answer(packs: list[DevicePack], pool: DecoderPool) -> None:
    payloads = [bytes([byte] * size) for byte in (0, 1, 127, 128, 255) for size in range(8)]
    for pack in packs:
        for port in (1, 2, 3, 4, 5, 6, 223):
            calls = [
                CodecCall(pack.codec, pack.codec_source, port, p, pack.examples[0].call.received_at) for p in payloads
            ]
            for result in pool.decode(calls):
                assert result.failure is None
                assert bool(result.errors) != bool(result.data)


def test_the_digest_follows_the_content(packs: list[DevicePack], copy: Path) -> None:
    assert [pack.digest for pack in load_devices(copy)] == [pack.digest for pack in packs]
    change(copy, "cadran-demo/ambient-codec.js", "100 %", "cent %")
    changed = load_devices(copy)
    assert [new.digest == old.digest for new, old in zip(changed, packs, strict=True)] == [
        False,
        True,
        True,
        True,
        True,
    ]


def test_a_wrong_example_is_found(copy: Path, pool: DecoderPool) -> None:
    path = change(copy, "cadran-demo/ambient-codec.yaml", "21.37, humidity", "21.38, humidity")
    (error,) = failing_examples(load_devices(copy), pool)
    assert (error.file, error.line) == (path, 4)
    assert "21.37" in error.problem
    assert "21.38" in error.problem


@pytest.mark.parametrize(
    ("name", "old", "new", "line", "problem"),
    [
        ("cadran-demo/ambient-eu868.yaml", "key: humidity", "key: temperature", 11, "deux fois"),
        ("cadran-demo/ambient-eu868.yaml", "'1.0.3'", "'1.1'", 1, "1.1"),
        ("cadran-demo/ambient-eu868.yaml", "supportsJoin: true", "supportsJoin: false", 3, "ABP"),
        ("cadran-demo/ambient-eu868.yaml", "unit: °C, ", "", 10, "unit"),
        ("cadran-demo/ambient.yaml", "codec: ambient-codec", "codec: ../../secret", 10, "identifiant"),
        ("cadran-demo/ambient-codec.yaml", "ambient-codec.js", "../x.js", 2, "dossier"),
        ("cadran-demo/ambient-codec.yaml", "0x08", "0x108", 5, "octet"),
        ("cadran-demo/ambient-codec.yaml", "errors:", "erreurs:", 15, "erreurs"),
        ("cadran-demo/index.yaml", "- co2", "- CO2", 4, "identifiant"),
        ("index.yaml", "name: Cadran", "nom: Cadran", 3, "nom"),
    ],
)
def test_a_mistake_says_where_it_is(copy: Path, name: str, old: str, new: str, line: int, problem: str) -> None:
    path = change(copy, name, old, new)
    with pytest.raises(PackError) as caught:
        load_devices(copy)
    assert (caught.value.file, caught.value.line) == (path, line)
    assert problem in caught.value.problem
    assert caught.value.remedy


def test_a_device_may_use_cayenne(copy: Path) -> None:
    change(copy, "cadran-demo/parking.yaml", "codec: parking-codec", "codec: cayenne")
    pack = load_devices(copy)[-1]
    assert (pack.codec, pack.codec_source, pack.examples) == ("cayenne", "", ())


def test_a_firmware_for_another_region_is_passed_over(copy: Path) -> None:
    change(copy, "cadran-demo/parking.yaml", "EU863-870", "US902-928")
    assert len(load_devices(copy)) == 4
