"""The user's settings: defaults < user file < workspace file < environment < flag, each value with its origin."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import Any

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidSettings, UsageError

CONFIG_VARIABLE = "MLV_CONFIG_DIR"
FILE = "config.toml"
"""The name of the user's file in the settings folder and of the workspace's in `.mlv`."""

DEFAULT = "default"
_LINE = re.compile(r"\s*(?P<name>[A-Za-z_-]+)\s*=")


@dataclass(frozen=True, slots=True)
class Setting:
    """What may be set: `read` makes a value of what a file, variable or user gives, or raises ValueError."""

    name: str
    default: str | float
    help: str
    read: Callable[[object], str | float]

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "MLV_" + self.name.upper().replace("-", "_")


@dataclass(frozen=True, slots=True)
class Value:
    """A setting's value and where it came from: `default`, `FILE:LINE`, the name of a variable or of a flag."""

    name: str
    value: str | float
    origin: str


def _server(given: object) -> str:
    text = str(given)
    if text and not re.fullmatch(r"mlv(\+plain)?://[^\s/]+", text):
        raise ValueError("write mlv://HOST[:PORT]")
    return text


def _seconds(given: object) -> float:
    try:
        seconds = float(str(given)) if not isinstance(given, bool) else 0.0
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= 86_400:  # noqa: PLR2004 - a day
        raise ValueError("write a number of seconds above 0, at most 86400")
    return seconds


def _progress(given: object) -> str:
    if given not in {"auto", "never"}:
        raise ValueError("write auto or never")
    return str(given)


SETTINGS: Mapping[str, Setting] = {
    setting.name: setting
    for setting in (
        Setting("server", "", "the server of commands outside of a workspace", _server),
        Setting("timeout", 10.0, "seconds after which a call to the server gives up", _seconds),
        Setting("progress", "auto", "auto: bars on a terminal, lines elsewhere; never: neither", _progress),
    )
}


@dataclass(frozen=True, slots=True)
class Config:
    """All settings, by name, in the order of SETTINGS."""

    values: Mapping[str, Value]

    @property
    def server(self) -> str:
        """The default server's address, or ''."""
        return str(self.values["server"].value)

    @property
    def timeout_seconds(self) -> float:
        """After how long a call to the server gives up."""
        return float(self.values["timeout"].value)

    @property
    def progress(self) -> str:
        """`auto` or `never`."""
        return str(self.values["progress"].value)


def config_directory(environment: Mapping[str, str]) -> str:
    """The folder of the user's settings and credentials."""
    given = environment.get(CONFIG_VARIABLE)
    if given:
        return given
    return os.path.join(environment.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"), "mlv")


def load(
    environment: Mapping[str, str], workspace_folder: str | None = None, flags: Mapping[str, object] | None = None
) -> Config:
    """The settings that hold now; `workspace_folder` is the `.mlv` of the workspace, `flags` hold what was given.

    Raises: InvalidSettings naming file and line, variable or flag.
    """
    found = {name: Value(name, setting.default, DEFAULT) for name, setting in SETTINGS.items()}
    for folder in (config_directory(environment), workspace_folder):
        if folder:
            found.update(_from_file(os.path.join(folder, FILE)))
    for name, setting in SETTINGS.items():
        if setting.variable in environment:
            found[name] = _value(setting, environment[setting.variable], setting.variable)
        if flags and flags.get(name) is not None:
            found[name] = _value(setting, flags[name], f"--{name}")
    return Config(found)


def store(file: str, name: str, value: str | None) -> None:
    """Set `name` in a settings file, or with None take it out; other lines stay as they are.

    Raises: UsageError for an unknown name or a bad value, InvalidSettings for a file that cannot be read.
    """
    setting = SETTINGS.get(name)
    if setting is None:
        raise UsageError(f"There is no setting '{name}'.", advice=f"Settings: {', '.join(SETTINGS)}.")
    _from_file(file)
    lines = _text(file).splitlines()
    kept = [line for line in lines if not ((match := _LINE.match(line)) and match["name"] == name)]
    if value is not None:
        try:
            read = setting.read(value)
        except ValueError as error:
            raise UsageError(f"'{value}' cannot be '{name}': {error}.") from None
        shown = f'"{read}"' if isinstance(read, str) else f"{read:g}"
        kept.insert(0, f"{name} = {shown}")
    os.makedirs(os.path.dirname(file), mode=0o700, exist_ok=True)
    beside = file + ".new"
    with open(beside, "w", encoding="utf-8") as stream:
        stream.write("".join(line + "\n" for line in kept))
    os.replace(beside, file)


def _from_file(file: str) -> dict[str, Value]:
    text = _text(file)
    if not text.strip():
        return {}
    import tomllib

    try:
        table: dict[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:  # the library also raises plain ValueErrors: numbers without end
        raise InvalidSettings(f"{file}: {error}.", advice="Mend the named line.") from error
    numbers = {match["name"]: at for at, line in enumerate(text.splitlines(), 1) if (match := _LINE.match(line))}
    found: dict[str, Value] = {}
    for name, given in table.items():
        origin = f"{file}:{numbers.get(name, 1)}"
        if name not in SETTINGS:
            raise InvalidSettings(
                f"{origin}: there is no setting '{name}'.", advice=f"Settings: {', '.join(SETTINGS)}."
            )
        found[name] = _value(SETTINGS[name], given, origin)
    return found


def _value(setting: Setting, given: object, origin: str) -> Value:
    try:
        return Value(setting.name, setting.read(given), origin)
    except ValueError as error:
        raise InvalidSettings(
            f"{origin}: '{given}' cannot be '{setting.name}': {error}.", advice="Mend it; 'mlv config' shows all."
        ) from None


def _text(file: str) -> str:
    try:
        with open(file, encoding="utf-8") as stream:
            return stream.read()
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise InvalidSettings(f"{file} cannot be read: {error}.", advice="Mend or remove it.") from error
