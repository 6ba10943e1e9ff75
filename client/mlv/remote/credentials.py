"""What a user remembers of servers: token, name, fingerprint and authority, in a file that nobody else may read."""

from __future__ import annotations

import json
import os
from dataclasses import asdict

from mlv_core.deferred import dataclass
from mlv_core.errors import InvalidSettings

FILE = "credentials.json"


@dataclass(frozen=True, slots=True)
class Credential:
    """One server; `authority_pem` is empty for a plaintext server on loopback."""

    url: str
    token: str
    user: str
    fingerprint: str = ""
    authority_pem: str = ""


def load(config_directory: str) -> dict[str, Credential]:
    """The remembered servers by url, the last one signed in to first.

    Raises: InvalidSettings when the file is not what `store` wrote.
    """
    file = os.path.join(config_directory, FILE)
    try:
        with open(file, encoding="utf-8") as handle:
            return {entry["url"]: Credential(**entry) for entry in json.load(handle)}
    except FileNotFoundError:
        return {}
    except (ValueError, TypeError, KeyError, RecursionError) as error:
        raise InvalidSettings(f"{file} is damaged.", advice="Remove it and sign in again with 'mlv login'.") from error


def store(config_directory: str, credential: Credential) -> None:
    """Remember `credential` before all others.

    Raises: InvalidSettings, OSError.
    """
    known = load(config_directory)
    known.pop(credential.url, None)
    _write(config_directory, [credential, *known.values()])


def forget(config_directory: str, url: str) -> bool:
    """Forget the server `url`; says whether it was known.

    Raises: InvalidSettings, OSError.
    """
    known = load(config_directory)
    if known.pop(url, None) is None:
        return False
    _write(config_directory, list(known.values()))
    return True


def _write(config_directory: str, credentials: list[Credential]) -> None:
    os.makedirs(config_directory, mode=0o700, exist_ok=True)
    file = os.path.join(config_directory, FILE)
    beside = f"{file}.{os.getpid()}"
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as stream:
        json.dump([asdict(credential) for credential in credentials], stream, indent=1)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(beside, file)
