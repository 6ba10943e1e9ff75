"""All settings of a server as one frozen value, read from TOML and the environment and checked once."""

from __future__ import annotations

import ipaddress
import json
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidSettings

SETTINGS_FILE = "mlv-server.toml"
"""The file's name in the folder of a server."""

_UNITS = {"": 1, "KIB": 1 << 10, "MIB": 1 << 20, "GIB": 1 << 30, "TIB": 1 << 40, "KB": 10**3, "MB": 10**6, "GB": 10**9}
_SIZE = re.compile(r"(\d{1,15})\s*([A-Za-z]{0,3})")


class Kind(Enum):
    """How the text of a setting is read."""

    TEXT = "text"
    ADDRESS = "host:port"
    OPTIONAL_ADDRESS = "host:port or empty"
    FLAG = "true or false"
    SIZE = "bytes, with an optional unit such as 64 MiB"
    COUNT = "a number"
    SECONDS = "seconds"
    DAYS = "days"
    DATABASE = "sqlite:///FILE"
    CONTENT = "file:FOLDER"
    LEVEL = "debug, info, warning or error"
    FORMAT = "json or text"
    PLACES = "networks and host names, comma-separated"


@dataclass(frozen=True, slots=True)
class Setting:
    """One key of the settings file; `low` and `high` bound numbers, inclusive."""

    section: str
    key: str
    kind: Kind
    default: str | int | bool
    description: str
    low: int = 0
    high: int = 1 << 50

    @property
    def name(self) -> str:
        """`section.key`."""
        return f"{self.section}.{self.key}"

    @property
    def variable(self) -> str:
        """The environment variable that overrides the file."""
        return f"MLV_{self.section}_{self.key}".upper()


SETTINGS = (
    Setting("server", "listen", Kind.ADDRESS, "127.0.0.1:7420", "Address and port of the gRPC service."),
    Setting("server", "plaintext", Kind.FLAG, default=False, description="No TLS; refused unless loopback."),
    Setting("server", "grace", Kind.SECONDS, 20, "How long a stop waits for calls in flight.", 0, 3600),
    Setting("tls", "certificate", Kind.TEXT, "tls/server.pem", "The server's certificate (PEM, with its chain)."),
    Setting("tls", "key", Kind.TEXT, "tls/server.key", "The private key of the certificate (PEM)."),
    Setting("tls", "authority", Kind.TEXT, "tls/ca.pem", "The certificate authority that clients trust (PEM)."),
    Setting("tls", "names", Kind.TEXT, "", "More host names and addresses in the certificate, comma-separated."),
    Setting("storage", "database", Kind.DATABASE, "sqlite:///mlv.db", "The metadata database."),
    Setting("storage", "content", Kind.CONTENT, "file:content", "The folder of packs."),
    Setting("storage", "cache", Kind.SIZE, "10 GiB", "Bound of the cache of plain files and direct deltas.", 0),
    Setting("storage", "unlink_after", Kind.SECONDS, 60, "How long a replaced pack is kept for reads in flight.", 0),
    Setting("storage", "collect_after", Kind.DAYS, 7, "Age at which 'gc' removes what no version needs.", 0, 3650),
    Setting("limits", "file", Kind.SIZE, "1 TiB", "Largest file.", 1 << 10),
    Setting("limits", "files_per_commit", Kind.COUNT, 1_000_000, "Most files in one request.", 1, 10_000_000),
    Setting("limits", "shelves", Kind.COUNT, 100, "Most shelves of one user in one repository.", 1, 100_000),
    Setting("limits", "calls", Kind.COUNT, 256, "Most calls served at the same time; others wait.", 1, 100_000),
    Setting("limits", "watchers", Kind.COUNT, 2000, "Most streams of events; more are refused.", 1, 100_000),
    Setting(
        "limits",
        "call_time",
        Kind.SECONDS,
        900,
        "Longest call but for streams of content.",
        1,
    ),
    Setting("limits", "threads", Kind.COUNT, 4, "Threads for hashing, decoding and files.", 1, 256),
    Setting(
        "locks",
        "waiter_silence",
        Kind.SECONDS,
        60,
        "How long who waits for a lock may be silent before others go first.",
        3,
        86400,
    ),
    Setting("tokens", "lifetime", Kind.DAYS, 90, "Lifetime of a token whose maker names none.", 1, 3650),
    Setting("logging", "level", Kind.LEVEL, "info", "Least level that is logged."),
    Setting("logging", "format", Kind.FORMAT, "json", "Form of the log on standard error."),
    Setting("metrics", "listen", Kind.OPTIONAL_ADDRESS, "", "Where Prometheus metrics are served over HTTP."),
    Setting(
        "outgoing",
        "allow",
        Kind.PLACES,
        "",
        "Networks and hosts that webhooks and checks may call besides public addresses: 10.1.0.0/16, ci.example.",
    ),
    Setting("outgoing", "webhooks", Kind.FLAG, default=True, description="Events are sent; false for a server's copy."),
    Setting("outgoing", "plaintext", Kind.FLAG, default=False, description="Webhooks and checks may use http://."),
    Setting("outgoing", "authority", Kind.TEXT, "", "More authorities that webhooks and checks trust (PEM)."),
)
Reader = Callable[[Setting, object], object]
_BY_NAME = {setting.name: setting for setting in SETTINGS}


@dataclass(frozen=True, slots=True)
class Settings:
    """Checked settings; relative paths are resolved against the server's folder."""

    directory: Path
    host: str
    port: int
    plaintext: bool
    grace_seconds: int
    certificate: Path
    key: Path
    authority: Path
    names: tuple[str, ...]
    database_url: str
    content_folder: Path
    cache_bytes: int
    unlink_after_seconds: int
    collect_after_days: int
    file_bytes: int
    files_per_commit: int
    shelves: int
    calls: int
    watchers: int
    call_seconds: int
    threads: int
    waiter_silence_seconds: int
    token_days: int
    log_level: str
    log_format: str
    metrics_host: str
    metrics_port: int
    outgoing_allow: tuple[str, ...]
    outgoing_webhooks: bool
    outgoing_plaintext: bool
    outgoing_authority: Path | None


def load_settings(path: Path, environment: Mapping[str, str] | None = None, **overrides: str) -> Settings:
    """Read and check the settings file at `path`; `overrides` are `section__key` texts of the command line.

    Raises: InvalidSettings, which names file, line and reason.
    """
    try:
        text = path.read_text(encoding="utf-8")
        document = tomllib.loads(text)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise InvalidSettings(
            f"Cannot read the settings {path}: {reason}.", advice="'mlv-server init DIR' makes a server's folder."
        ) from error
    except (ValueError, RecursionError) as error:  # the library also raises plain ValueErrors: numbers without end
        raise InvalidSettings(f"{path}: {error}.") from error
    where = _lines(text)
    values: dict[str, object] = {setting.name: setting.default for setting in SETTINGS}
    origins: dict[str, str] = {}
    for section, content in document.items():
        if not isinstance(content, dict):
            raise InvalidSettings(f"{path}, line {where.get(section, 1)}: '{section}' belongs into a section.")
        for key, value in content.items():
            name = f"{section}.{key}"
            line = where.get(name, where.get(f"[{section}]", 1))
            if name not in _BY_NAME:
                raise InvalidSettings(f"{path}, line {line}: there is no setting '{name}'.", advice=_advice(section))
            values[name], origins[name] = value, f"{path}, line {line}"
    for setting in SETTINGS:
        if setting.variable in (os.environ if environment is None else environment):
            values[setting.name] = (os.environ if environment is None else environment)[setting.variable]
            origins[setting.name] = f"environment variable {setting.variable}"
    for option, value in overrides.items():
        name = option.replace("__", ".")
        values[name], origins[name] = value, f"option --{name.partition('.')[2]}"
    read = {name: _read(_BY_NAME[name], value, origins.get(name, "default")) for name, value in values.items()}
    return _settings(path.parent.absolute(), read, origins)


def default_file(overrides: Mapping[str, str | bool]) -> str:
    """The text of a settings file that states every key with its default and meaning."""
    lines = ["# Settings of this mlv server. 'mlv-server check-config FILE' checks them."]
    section = ""
    for setting in SETTINGS:
        if setting.section != section:
            section = setting.section
            lines += ["", f"[{section}]"]
        value: object = overrides.get(setting.name, setting.default)
        shown = json.dumps(value)
        lines += [f"# {setting.description} ({setting.kind.value}; {setting.variable})", f"{setting.key} = {shown}"]
    return "\n".join(lines) + "\n"


def is_loopback(host: str) -> bool:
    """Whether `host` is an address or name of the loopback interface."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def split_address(text: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`.

    Raises: ValueError.
    """
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:  # noqa: PLR2004 - TCP's range
        message = f"'{text}' is not HOST:PORT"
        raise ValueError(message)
    return host, int(port)


def split_places(text: str) -> tuple[str, ...]:
    """The networks and host names of a comma-separated list.

    Raises: ValueError for what looks like an address and is no network.
    """
    places = tuple(place.strip() for place in text.split(",") if place.strip())
    for place in places:
        if "/" in place or ":" in place or place.replace(".", "").isdecimal():
            ipaddress.ip_network(place)
    return places


def _settings(directory: Path, read: dict[str, object], origins: dict[str, str]) -> Settings:
    def text(name: str) -> str:
        return str(read[name])

    def number(name: str) -> int:
        return int(read[name])  # type: ignore[call-overload,no-any-return]

    host, port = split_address(text("server.listen"))
    plaintext = bool(read["server.plaintext"])
    if plaintext and not is_loopback(host):
        raise InvalidSettings(
            f"{origins.get('server.plaintext', 'default')}: plaintext is served on loopback only, not on {host}.",
            advice="Listen on 127.0.0.1, or leave TLS on.",
        )
    metrics = text("metrics.listen")
    metrics_host, metrics_port = split_address(metrics) if metrics else ("", 0)
    return Settings(
        directory=directory,
        host=host,
        port=port,
        plaintext=plaintext,
        grace_seconds=number("server.grace"),
        certificate=directory / text("tls.certificate"),
        key=directory / text("tls.key"),
        authority=directory / text("tls.authority"),
        names=tuple(n.strip() for n in text("tls.names").split(",") if n.strip()),
        database_url=f"sqlite:///{directory / text('storage.database').removeprefix('sqlite:///')}",
        content_folder=directory / text("storage.content").removeprefix("file:"),
        cache_bytes=number("storage.cache"),
        unlink_after_seconds=number("storage.unlink_after"),
        collect_after_days=number("storage.collect_after"),
        file_bytes=number("limits.file"),
        files_per_commit=number("limits.files_per_commit"),
        shelves=number("limits.shelves"),
        calls=number("limits.calls"),
        watchers=number("limits.watchers"),
        call_seconds=number("limits.call_time"),
        threads=number("limits.threads"),
        waiter_silence_seconds=number("locks.waiter_silence"),
        token_days=number("tokens.lifetime"),
        log_level=text("logging.level"),
        log_format=text("logging.format"),
        metrics_host=metrics_host,
        metrics_port=metrics_port,
        outgoing_allow=split_places(text("outgoing.allow")),
        outgoing_webhooks=bool(read["outgoing.webhooks"]),
        outgoing_plaintext=bool(read["outgoing.plaintext"]),
        outgoing_authority=directory / text("outgoing.authority") if text("outgoing.authority") else None,
    )


def _read(setting: Setting, value: object, origin: str) -> object:
    """The checked value of one setting; raises InvalidSettings naming `origin`."""
    try:
        return _READERS[setting.kind](setting, value)
    except ValueError as error:
        message = f"{origin}: {setting.name} must be {setting.kind.value}: {error}."
        raise InvalidSettings(message) from error


def _text(_: Setting, value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{value!r} is no text")  # noqa: TRY004 - becomes InvalidSettings
    return value


def _address(setting: Setting, value: object) -> str:
    text = _text(setting, value)
    if text or setting.kind is Kind.ADDRESS:
        split_address(text)
    return text


def _places(setting: Setting, value: object) -> str:
    text = _text(setting, value)
    split_places(text)
    return text


def _flag(_: Setting, value: object) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in {"true", "false", "1", "0"}:
        return str(value).lower() in {"true", "1"}
    raise ValueError(f"{value!r} is neither true nor false")


def _number(setting: Setting, value: object) -> int:
    if isinstance(value, bool) or not isinstance(value, int | str):
        raise ValueError(f"{value!r} is no number")  # noqa: TRY004 - becomes InvalidSettings
    match = _SIZE.fullmatch(str(value).strip())
    if not match or match[2].upper() not in _UNITS or (match[2] and setting.kind is not Kind.SIZE):
        raise ValueError(f"{value!r} is no such number")
    number = int(match[1]) * _UNITS[match[2].upper()]
    if not setting.low <= number <= setting.high:
        raise ValueError(f"{number} is outside {setting.low} to {setting.high}")
    return number


def _one_of(*allowed: str) -> Reader:
    def read(setting: Setting, value: object) -> str:
        if _text(setting, value) not in allowed:
            raise ValueError(f"{value!r} is none of {', '.join(allowed)}")
        return str(value)

    return read


def _url(prefix: str) -> Reader:
    def read(setting: Setting, value: object) -> str:
        text = _text(setting, value)
        if not text.startswith(prefix) or len(text) == len(prefix):
            raise ValueError(f"{value!r} does not begin with '{prefix}' and a path")
        return text

    return read


_READERS: dict[Kind, Reader] = {
    Kind.TEXT: _text,
    Kind.ADDRESS: _address,
    Kind.OPTIONAL_ADDRESS: _address,
    Kind.FLAG: _flag,
    Kind.SIZE: _number,
    Kind.COUNT: _number,
    Kind.SECONDS: _number,
    Kind.DAYS: _number,
    Kind.DATABASE: _url("sqlite:///"),
    Kind.CONTENT: _url("file:"),
    Kind.LEVEL: _one_of("debug", "info", "warning", "error"),
    Kind.FORMAT: _one_of("json", "text"),
    Kind.PLACES: _places,
}


def _lines(text: str) -> dict[str, int]:
    """Line numbers of `[section]` headers and of `section.key` assignments."""
    found: dict[str, int] = {}
    section = ""
    for number, line in enumerate(text.splitlines(), 1):
        header = re.match(r"\s*\[([A-Za-z0-9_\-.]+)\]", line)
        key = re.match(r"\s*([A-Za-z0-9_\-]+)\s*=", line)
        if header:
            section = header[1]
            found[f"[{section}]"] = number
        elif key:
            found[f"{section}.{key[1]}" if section else key[1]] = number
    return found


def _advice(section: str) -> str:
    known = [s.key for s in SETTINGS if s.section == section]
    if known:
        return f"Known in [{section}]: {', '.join(known)}."
    return f"Known sections: {', '.join(dict.fromkeys(s.section for s in SETTINGS))}."
