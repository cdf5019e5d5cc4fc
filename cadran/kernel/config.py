"""The settings of one installation: environment variables ``CADRAN_*`` over one TOML file.

The file is ``CADRAN_CONFIG`` (empty: none), or ``cadran.toml`` of the current directory when it exists. A name nobody
knows is an error, not a shrug: a misspelt ``databse_url`` would otherwise start an empty database in silence.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Final, NamedTuple
from urllib.parse import urlsplit

from cadran.kernel import keyfiles
from cadran.kernel.errors import DomainError
from cadran.kernel.postgres.credentials import APPLICATION_ROLE, OWNER_ROLE, read_credentials

CHECKOUT: Final = Path(__file__).resolve().parents[2]
PREFIX: Final = "CADRAN_"
CONFIG_VARIABLE: Final = "CADRAN_CONFIG"
INTERNAL_VARIABLES: Final = frozenset({"CADRAN_ACT_AS_OWNER"})  # between our own processes
MASK: Final = "•••"
TO_BE_GENERATED: Final = "(sera générée au premier démarrage)"


class ConfigError(DomainError):
    """A setting cannot be used; the message names where it was read and what to write instead."""

    code = "kernel.config"
    exit_status: ClassVar[int] = 78  # sysexits EX_CONFIG: starting again changes nothing

    def __init__(self, *, where: str, problem: str, remedy: str) -> None:
        super().__init__(f"{where} : {problem} {remedy}")
        self.where = where
        self.problem = problem
        self.remedy = remedy


@dataclass(frozen=True, slots=True)
class Config:
    """The effective settings. ``origins`` says where each one was read, for a person."""

    host: str
    port: int
    public_url: str
    allowed_hosts: tuple[str, ...]
    web_workers: int
    web_threads: int
    udp_host: str
    udp_port: int
    data_dir: Path
    postgres: str
    database_url: str = field(repr=False)
    database_owner_url: str = field(repr=False)
    trusted_proxies: int
    mail_from: str
    smtp_url: str = field(repr=False)
    key_file: Path
    secret_key: str = field(repr=False)
    demo: bool
    origins: Mapping[str, str] = field(repr=False, default_factory=dict)

    @property
    def own_database(self) -> bool:
        """Whether Cadran runs its own PostgreSQL (no server of the operator's is named)."""
        return self.origins.get("database_url", "") in ("", OWN_CLUSTER)

    @property
    def run_dir(self) -> Path:
        """Where the processes keep their health sockets and the supervisor its lock."""
        return self.data_dir / "run"

    def masked(self) -> dict[str, str]:
        """Return every setting as text, with keys and the passwords of URLs hidden."""
        shown: dict[str, str] = {}
        for setting in SETTINGS:
            value = getattr(self, setting.name)
            text = ", ".join(value) if isinstance(value, tuple) else str(value)
            if setting.name == "secret_key":
                text = MASK if text else TO_BE_GENERATED
            shown[setting.name] = mask_url(text) if setting.name.endswith("_url") else text
        return shown


def mask_url(url: str) -> str:
    """Hide the password of a URL, wherever it stands (user part or query)."""
    try:
        parts = urlsplit(url)
        password = parts.password
    except ValueError:
        return MASK
    if password:
        head, _, host = parts.netloc.rpartition("@")
        parts = parts._replace(netloc=f"{head.partition(':')[0]}:{MASK}@{host}")
    query = "&".join(
        f"{name}={MASK}" if "pass" in name.lower() and value else f"{name}{equal}{value}"
        for name, equal, value in (pair.partition("=") for pair in parts.query.split("&"))
    )
    return parts._replace(query=query).geturl()


def _text(raw: Any) -> str:
    if not isinstance(raw, str):
        raise ValueError("un texte entre guillemets est attendu.")
    return raw.strip()


def _number(low: int, high: int) -> Callable[[Any], int]:
    def parse(raw: Any) -> int:
        try:
            number = int(raw) if isinstance(raw, (str, int)) and not isinstance(raw, bool) else None
        except ValueError:
            number = None
        if number is None or not low <= number <= high:
            raise ValueError(f"un nombre entier de {low} à {high} est attendu.")
        return number

    return parse


def _list(raw: Any) -> tuple[str, ...]:
    items = raw.split(",") if isinstance(raw, str) else raw
    if not isinstance(items, (list, tuple)) or not all(isinstance(item, str) for item in items):
        raise ValueError("une liste de textes est attendue (dans l'environnement : séparés par des virgules).")
    return tuple(item.strip() for item in items if item.strip())


def _flag(raw: Any) -> bool:
    if isinstance(raw, bool):
        return raw
    words = {"1": True, "true": True, "oui": True, "yes": True, "0": False, "false": False, "non": False, "no": False}
    if not isinstance(raw, str) or raw.strip().lower() not in words:
        raise ValueError("oui ou non est attendu (true/false dans le fichier).")
    return words[raw.strip().lower()]


def _postgres(raw: Any) -> str:
    if raw not in ("embedded", "system"):
        raise ValueError("« embedded » (la roue PyPI) ou « system » (PostgreSQL 15 de Debian) est attendu.")
    return str(raw)


def _url(*schemes: str) -> Callable[[Any], str]:
    def parse(raw: Any) -> str:
        text = _text(raw)
        if text and urlsplit(text).scheme not in schemes:
            raise ValueError(f"une adresse en {' ou '.join(f'{scheme}://' for scheme in schemes)} est attendue.")
        return text

    return parse


class Setting(NamedTuple):
    """One setting: its name, how its text is read, its default and what it is for."""

    name: str
    parse: Callable[[Any], Any]
    default: Any
    summary: str


_POSTGRES_URL = _url("postgresql", "postgres")
SETTINGS: Final = (
    Setting("host", _text, "127.0.0.1", "adresse d'écoute du site"),
    Setting("port", _number(1, 65535), 8080, "port du site"),
    Setting("public_url", _url("http", "https"), "", "adresse publique du site (liens des courriels, cookies)"),
    Setting("allowed_hosts", _list, (), "noms d'hôte acceptés, en plus de celui de public_url"),
    Setting("web_workers", _number(1, 64), 2, "processus du serveur web"),
    Setting("web_threads", _number(8, 2048), 256, "fils d'exécution par processus du serveur web"),
    Setting("udp_host", _text, "127.0.0.1", "adresse d'écoute des passerelles LoRaWAN"),
    Setting("udp_port", _number(0, 65535), 1700, "port UDP des passerelles LoRaWAN"),
    Setting("data_dir", Path, CHECKOUT / "var", "répertoire des données"),
    Setting("postgres", _postgres, "embedded", "PostgreSQL lancé par Cadran : embedded ou system"),
    Setting("database_url", _POSTGRES_URL, "", "base de l'exploitant, rôle applicatif"),
    Setting("database_owner_url", _POSTGRES_URL, "", "même base, rôle propriétaire (migrations seules)"),
    Setting("trusted_proxies", _number(0, 9), 0, "mandataires HTTP de confiance devant le site (X-Forwarded-For)"),
    Setting("mail_from", _text, "Cadran <cadran@localhost>", "expéditeur des courriels"),
    Setting("smtp_url", _url("smtp", "smtps"), "", "serveur d'envoi du courrier ; vide : boîte de démonstration"),
    Setting("key_file", Path, None, "clé de chiffrement des secrets (32 octets)"),
    Setting("secret_key", _text, "", "clé de signature des sessions"),
    Setting("demo", _flag, False, "installation de démonstration"),
)
_NAMES: Final = tuple(setting.name for setting in SETTINGS)
_PATHS: Final = frozenset({"data_dir", "key_file"})
DEFAULT: Final = "défaut"
GENERATED: Final = "générée dans data_dir"
OWN_CLUSTER: Final = "PostgreSQL lancé par Cadran"


def load(*, environ: Mapping[str, str] | None = None, directory: Path | None = None, create: bool = True) -> Config:
    """Return the effective settings.

    Args:
        environ: instead of the process's environment.
        directory: instead of the current one, where ``cadran.toml`` is looked for.
        create: make the missing secrets (mode 0600, in ``data_dir``); ``False`` only looks.
    Raises:
        ConfigError: an unknown name or an unusable value, with where it stands and the remedy.
    """
    environ = os.environ if environ is None else environ
    directory = Path.cwd() if directory is None else directory
    values: dict[str, Any] = {setting.name: setting.default for setting in SETTINGS}
    origins = dict.fromkeys(values, DEFAULT)
    path = _file(environ, directory)
    if path is not None:
        _read_file(path, values, origins)
    for setting in SETTINGS:
        variable = PREFIX + setting.name.upper()
        if variable in environ:
            values[setting.name] = _parsed(setting, environ[variable], f"variable {variable}", directory)
            origins[setting.name] = f"variable {variable}"
    _complete(values, origins, create=create)
    return Config(**values, origins=origins)


def unknown_variables(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the ``CADRAN_*`` variables that no setting reads: most often a misspelling."""
    environ = os.environ if environ is None else environ
    known = {PREFIX + name.upper() for name in _NAMES} | {CONFIG_VARIABLE} | INTERNAL_VARIABLES
    ours = {name for name in environ if name.startswith(PREFIX) and not name.startswith(f"{PREFIX}TEST_")}
    return sorted(ours - known)


def _file(environ: Mapping[str, str], directory: Path) -> Path | None:
    named = environ.get(CONFIG_VARIABLE)
    if named == "":
        return None  # no file, whatever the current directory holds
    path = directory / (named or "cadran.toml")
    if path.is_file():
        return path
    if named:
        raise ConfigError(
            where=f"variable {CONFIG_VARIABLE}",
            problem=f"le fichier {path} n'existe pas.",
            remedy="Corrigez le chemin ou retirez la variable.",
        )
    return None


def _read_file(path: Path, values: dict[str, Any], origins: dict[str, str]) -> None:
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(
            where=str(path), problem=f"ce n'est pas du TOML ({error}).", remedy="Corrigez cette ligne."
        ) from error
    by_name = {setting.name: setting for setting in SETTINGS}
    for name, raw in table.items():
        if name not in by_name:
            near = difflib.get_close_matches(name, _NAMES, n=1)
            hint = f"Vouliez-vous dire « {near[0]} » ?" if near else f"Réglages connus : {', '.join(_NAMES)}."
            raise ConfigError(where=str(path), problem=f"le réglage « {name} » est inconnu.", remedy=hint)
        values[name] = _parsed(by_name[name], raw, f"{path}, réglage « {name} »", path.parent)
        origins[name] = f"fichier {path}"


def _parsed(setting: Setting, raw: Any, where: str, directory: Path) -> Any:
    try:
        if setting.name in _PATHS:
            return directory / Path(_text(raw)).expanduser()
        return setting.parse(raw)
    except ValueError as error:
        raise ConfigError(where=where, problem="valeur refusée :", remedy=str(error)) from error


def _complete(values: dict[str, Any], origins: dict[str, str], *, create: bool) -> None:
    data_dir = values["data_dir"] = values["data_dir"].absolute()
    if create:  # as root, PostgreSQL's own account walks through it; each secret below is private by itself
        data_dir.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
    if not values["public_url"]:
        values["public_url"] = f"http://localhost:{values['port']}"
    public_host = urlsplit(values["public_url"]).hostname or ""
    values["allowed_hosts"] = tuple(
        dict.fromkeys((*values["allowed_hosts"], public_host, "localhost", "127.0.0.1", "[::1]"))
    )
    if not values["secret_key"]:
        origins["secret_key"] = GENERATED
        values["secret_key"] = keyfiles.text_secret(data_dir / "secrets" / "session-key", create=create)
    if values["key_file"] is None:
        origins["key_file"] = GENERATED
        key_file: Path = data_dir / "secrets" / "encryption-key"
        keyfiles.key_encryption_key(key_file, create=create)
        values["key_file"] = key_file
    if not values["database_url"]:
        origins["database_url"] = origins["database_owner_url"] = OWN_CLUSTER
        credentials = read_credentials(data_dir / "postgres")
        if credentials is not None:
            values["database_url"] = credentials.url(APPLICATION_ROLE)
            values["database_owner_url"] = credentials.url(OWNER_ROLE)
