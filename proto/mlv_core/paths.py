"""Paths of files in a version: their normal form, what they may not be, clashes, globs, targets of symbolic links.

A path is relative, in Unicode form NFC, its parts joined by '/'. What one system cannot hold is refused on all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from itertools import islice, pairwise
from operator import lt

from mlv_core.errors import InvalidPath, PathClash, UnsupportedFile
from mlv_core.ids import escape, fold

PATH_LIMIT = 4096
"""Bytes in UTF-8: Linux's PATH_MAX."""
PART_LIMIT = 255
"""Bytes of one part in UTF-8: what every file system holds."""
GLOB_LIMIT = 1024
"""Characters of a pattern: far above any real one, and a bound on the work of matching."""
SETS_LIMIT = 32
"""Sets in square brackets in a pattern: each range of one takes up to 2 ms until it can be matched."""
OWN_FOLDER = ".mlv"
"""The folder in which a workspace keeps its state; no part of a path bears this name."""

_SHOWN = 200
# Of folders spelled out beyond the paths themselves, for a quick look at clashes.
_FOLDERS_BYTES = 16 << 20
_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{device}{digit}" for device in ("com", "lpt") for digit in "123456789\u00b9\u00b2\u00b3"]
)
_ORDINARY = re.compile(
    r"(?!(?:con|prn|aux|nul|com\d|lpt\d)(?![a-z0-9_+-]))[a-z0-9_](?:[a-z0-9_.+ -]{0,200}[a-z0-9_+-])?",
    re.IGNORECASE | re.ASCII,
)
"""Names that need no second look: ASCII, no dot first or last, no device of Windows."""
_ORDINARY_LENGTH = 1000
_ODD = re.compile(
    r"[\n/](?:(?<=[ .].)|(?=[\n/.])|(?=(?:con(?:in\$|out\$)?|prn|aux|nul|com\d|lpt\d)(?![a-z0-9_+-])))",
    re.ASCII | re.DOTALL,
)
"""Where, in lines of printable ASCII in lower case, a part begins or ends in a way that needs a second look."""
_LINES = 4096
"""Paths that are looked at together."""
_BAD_CHARACTER = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")


def check_path(path: str) -> str:
    """`path` itself if it may name a file or directory of a version.

    Raises: InvalidPath with the path escaped and the reason.
    """
    reason = _fault(path)
    if reason:
        raise InvalidPath(f"The path '{show_path(path)}' {reason}.")
    return path


def check_paths(paths: Iterable[str]) -> None:
    """Check each path and that no two of them clash (F2).

    Clashes are told before all but a path that is too long, so that both paths are named.
    Raises: PathClash, InvalidPath.
    """
    everything = list(paths)
    if max(map(len, everything), default=0) > PATH_LIMIT:
        check_path(next(path for path in everything if len(path) > PATH_LIMIT))
    clashes = find_clashes(everything)
    if clashes:
        shown = tuple(f"{show_path(first)} and {show_path(second)}" for first, second in clashes)
        raise PathClash(
            f"Paths differ only by case or Unicode form, or one is a folder of the other: {shown[0]}.", items=shown
        )
    for start in range(0, len(everything), _LINES):
        for path in _odd_ones(everything[start : start + _LINES]):
            check_path(path)


def are_ascending(paths: Sequence[str]) -> bool:
    """Whether each path is greater than the one before it, so that none stands there twice."""
    return all(map(lt, paths, islice(paths, 1, None)))


def show_path(path: str) -> str:
    """`path` as it may be shown on a terminal: escaped, and cut when it is very long."""
    return escape(path if len(path) <= _SHOWN else f"{path[:_SHOWN]}...")


def clash_key(path: str) -> str:
    """The form in which paths are compared for clashes: NFC, case-folded (F2)."""
    return path.lower() if path.isascii() else fold(path)


def find_clashes(paths: Iterable[str]) -> list[tuple[str, str]]:
    """Pairs of different paths that one system cannot hold together (F2).

    Two files whose paths differ only by case or Unicode form, two that need folders that do, or a file where the
    other needs a folder. One pair for each offending path, (earlier, later) in the order given.
    """
    everything = list(paths)
    if _cannot_clash(everything):
        return []
    # In the order of folded parts, what clashes stands side by side: a folder's content is one run, right after a
    # file of its name. Nothing is kept of the folders on the way: a hostile path has thousands of them.
    keys = [clash_key(path).replace("/", "\0") for path in everything]
    order = sorted(range(len(keys)), key=keys.__getitem__)
    found: dict[int, tuple[str, str]] = {}
    for at, other in pairwise(order):
        if _clash(everything[at], everything[other], keys[at], keys[other]):
            first, second = sorted((at, other))
            found.setdefault(second, (everything[first], everything[second]))
    return [found[second] for second in sorted(found)]


def _cannot_clash(paths: Sequence[str]) -> bool:
    """Whether a quick look tells that no two of `paths` clash; it knows only printable ASCII.

    As many files and as many folders folded as they are spelled, and no file where a folder is.
    """
    text = "".join(paths)
    if not (all(paths) and text.isascii() and text.isprintable()):
        return False
    folded = paths if text == text.lower() else list(map(str.lower, paths))
    if folded is not paths and len(set(folded)) != len(paths if are_ascending(paths) else set(paths)):
        return False
    folders = {path.rpartition("/")[0] for path in paths}
    if sum(len(folder) * folder.count("/") for folder in folders) > _FOLDERS_BYTES + len(text):
        return False  # spelled out, the folders on the way of a hostile path take all memory
    folders.update([above for folder in folders for above in parents(folder)])
    folders.discard("")
    folded_folders = set(map(str.lower, folders))
    return len(folded_folders) == len(folders) and folded_folders.isdisjoint(folded)


def _clash(path: str, other: str, key: str, other_key: str) -> bool:
    """Whether two neighbours clash, given their folded forms, the first of which is not the greater one."""
    folder, other_folder = path.rpartition("/")[0], other.rpartition("/")[0]
    if folder == other_folder:
        return key == other_key and path != other
    if other_key.startswith(key) and other_key[len(key) : len(key) + 1] in {"", "\0"}:
        return path != other
    for spelled, other_spelled, part, other_part in zip(
        folder.split("/"), other_folder.split("/"), key.split("\0"), other_key.split("\0"), strict=False
    ):
        if part != other_part:
            return False
        if spelled != other_spelled:
            return True
    return False


def is_below(path: str, directory: str) -> bool:
    """Whether `path` is `directory` itself or lies under it; everything lies under '' and '.'."""
    return directory in {"", "."} or path == directory or path.startswith(directory + "/")


def parents(path: str) -> list[str]:
    """The folders that contain `path`, the nearest first, without the root."""
    found = []
    while "/" in path:
        path = path.rpartition("/")[0]
        found.append(path)
    return found


def glob_match(pattern: str, path: str) -> bool:
    """Whether a glob of a policy, sparse checkout or lock rule matches a whole path.

    `*` stands for any characters of one part, `?` for one, `[a-c]` and `[!a-c]` for one of a set; `**` as a part
    stands for any number of parts, none included. A pattern without '/' is compared with the last part, at any
    depth; a leading '/' ties it to the top. A pattern that ends in '/', and one with no wildcard at all, also
    matches everything below what it names. Case matters. Raises: InvalidPath for a pattern that is too long.
    """
    return _compiled(pattern).fullmatch(path) is not None


def glob_matches_any(patterns: Iterable[str], path: str) -> bool:
    """Whether at least one of `patterns` matches, as in `glob_match`."""
    return any(_compiled(pattern).fullmatch(path) for pattern in patterns)


def check_symlink(path: str, target: str) -> str:
    """`target` itself if a symbolic link at `path` may point there: relative and inside the workspace (F1).

    '..' may only stand at the start, so that no other link on the way can lead it out. Raises: UnsupportedFile.
    """
    parts = target.split("/")
    climbs = next((at for at, part in enumerate(parts) if part != ".."), len(parts))
    rest = [part for part in parts[climbs:] if part not in {"", "."}]
    reason = ""
    if not target or len(target.encode("utf-8", "surrogatepass")) > PATH_LIMIT:
        reason = "has an empty target or one that is too long"
    elif target.startswith("/") or "\\" in target or re.match(r"[A-Za-z]:", target):
        reason = "does not point to a relative path"
    elif _BAD_CHARACTER.search(target):
        reason = "points to a name with control characters"
    elif climbs > path.count("/") or ".." in rest:
        reason = "leaves the workspace"
    elif any(clash_key(part) == OWN_FOLDER for part in rest):
        reason = f"points into {OWN_FOLDER}"
    if reason:
        raise UnsupportedFile(f"The symbolic link '{show_path(path)}' -> '{show_path(target)}' {reason}.")
    return target


def _odd_ones(paths: Sequence[str]) -> list[str]:
    """Those of `paths`, in order, that may be at fault: all but what a look at them all together clears."""
    plain = paths if _is_plain("".join(paths)) else list(filter(_is_plain, paths))
    if max(map(len, plain), default=0) > PART_LIMIT:
        plain = [path for path in plain if len(path) <= PART_LIMIT]
    odd = set(paths).difference(plain) if len(plain) < len(paths) else set()
    text = "\n".join(("", *plain, ""))
    for found in _ODD.finditer(text.lower()):
        # A break belongs to the line before it and to the one after it.
        for at in (found.start(), found.start() + 1):
            odd.add(text[text.rfind("\n", 0, at) + 1 : text.find("\n", at)])
    return [path for path in paths if path in odd] if odd else []


def _is_plain(text: str) -> bool:
    return text.isascii() and text.isprintable() and "\\" not in text


def _fault(path: str) -> str:
    """Why `path` may not be, or ''; most are an ordinary name in a folder that was looked at before."""
    folder, _, name = path.rpartition("/")
    if folder and len(path) < _ORDINARY_LENGTH and _ORDINARY.fullmatch(name) and not _folder_fault(folder):
        return ""
    return _any_fault(path)


@lru_cache(maxsize=4096)
def _folder_fault(folder: str) -> str:
    return _any_fault(folder)


def _any_fault(path: str) -> str:
    bad = _BAD_CHARACTER.search(path)
    if not path:
        reason = "is empty"
    elif bad:
        reason = "holds a backslash" if bad[0] == "\\" else "holds a control character or is no Unicode text"
    elif len(path) > PATH_LIMIT or len(path.encode()) > PATH_LIMIT:
        reason = f"is longer than {PATH_LIMIT} bytes"
    elif path.startswith("/"):
        reason = "is absolute"
    elif not path.isascii() and unicodedata.normalize("NFC", path) != path:
        reason = "is not in Unicode form NFC"
    else:
        reason = next(filter(None, map(_part_fault, path.split("/"))), "")
    return reason


def _part_fault(part: str) -> str:
    key = clash_key(part)
    reason = ""
    if not part:
        reason = "has an empty part"
    elif part in {".", ".."}:
        reason = f"has the part '{part}'"
    elif part[-1] in ". ":
        reason = "has a part that ends in a dot or space"
    elif len(part) > PART_LIMIT or len(part.encode()) > PART_LIMIT:
        reason = f"has a part of more than {PART_LIMIT} bytes"
    elif key == OWN_FOLDER:
        reason = f"has the part '{OWN_FOLDER}', which is mlv's own"
    elif key.partition(".")[0].rstrip(" ") in _DEVICES:
        reason = "has a part that is a device name on Windows"
    return reason


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str]:
    if len(pattern) > GLOB_LIMIT:
        raise InvalidPath(f"The pattern '{show_path(pattern)}' is longer than {GLOB_LIMIT} characters.")
    if pattern.count("[") > SETS_LIMIT:
        raise InvalidPath(f"The pattern '{show_path(pattern)}' has more than {SETS_LIMIT} sets in square brackets.")
    below = pattern.endswith("/") or not re.search(r"[*?\[]", pattern)
    body = pattern.strip("/")
    anywhere = "/" not in pattern.rstrip("/")
    parts = ["**", body] if anywhere and body != "**" else re.split("/+", body)
    while parts and parts[-1] == "**":
        parts.pop()
        below = True
    expression = _parts_expression(parts) if parts else ".+"
    return re.compile(f"(?:{expression})(?:/.+)?" if below else expression, re.DOTALL)


def _parts_expression(parts: list[str]) -> str:
    """Whole parts; blocks between `**` are matched as early as possible and never tried again (no backtracking)."""
    blocks: list[list[str]] = [[]]
    for part in parts:
        if part == "**":
            blocks.append([])
        else:
            blocks[-1].append(_part_expression(part))
    first = "/".join(blocks[0])
    if len(blocks) == 1:
        return first
    middle = "".join(f"(?>(?:[^/]+/)*?{'/'.join(block)}/)" for block in blocks[1:-1] if block)
    return (f"{first}/" if first else "") + middle + f"(?:[^/]+/)*?{'/'.join(blocks[-1])}"


def _part_expression(part: str) -> str:
    """One part: every `*` but the last takes as little as it can, for good; the rest follows from that."""
    pieces: list[str] = [""]
    at = 0
    while at < len(part):
        character = part[at]
        at += 1
        if character == "*":
            if pieces[-1] or len(pieces) == 1:
                pieces.append("")
        elif character == "?":
            pieces[-1] += "[^/]"
        elif character == "[" and (end := part.find("]", at + 2 if part[at : at + 1] in {"!", "^"} else at + 1)) > 0:
            pieces[-1] += _set_expression(part[at:end])
            at = end + 1
        else:
            pieces[-1] += re.escape(character)
    if len(pieces) == 1:
        return pieces[0]
    middle = "".join(f"(?>[^/]*?{piece})" for piece in pieces[1:-1])
    return f"{pieces[0]}{middle}[^/]*{pieces[-1]}"


def _set_expression(body: str) -> str:
    negated = body[:1] in {"!", "^"}
    members = body[1:] if negated else body
    inside = ""
    at = 0
    while at < len(members):
        if members[at + 1 : at + 2] == "-" and at + 2 < len(members):
            low, high = members[at], members[at + 2]
            if low <= high:
                inside += f"{re.escape(low)}-{re.escape(high)}"
            at += 3
        else:
            inside += re.escape(members[at])
            at += 1
    if not inside:
        return "[^/]" if negated else "(?!)"
    return f"(?![/])[{'^' if negated else ''}{inside}]"
