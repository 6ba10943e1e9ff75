"""The verbs of Perforce, Subversion and git, and what does the same here: for fingers that know another tool."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What to type, and what is different."""

    command: str
    note: str = ""


P4: dict[str, Answer] = {
    "add": Answer("mlv add PATH"),
    "annotate": Answer("mlv log PATH", "Lines are not annotated yet; the log of a path follows its renames."),
    "branch": Answer("mlv branch NAME", "A branch is a line of versions, not a mapping of paths."),
    "branches": Answer("mlv branches"),
    "change": Answer("mlv commit -m TEXT", "There are no numbered pending changelists: a commit names its paths."),
    "changes": Answer("mlv log"),
    "client": Answer("mlv checkout REPO DIR", "A workspace holds one version; --only and --exclude narrow it."),
    "copy": Answer("mlv copy SOURCE TARGET"),
    "delete": Answer("mlv delete PATH"),
    "describe": Answer("mlv show @N"),
    "diff": Answer("mlv diff PATH"),
    "diff2": Answer("mlv diff @A:@B PATH"),
    "dirs": Answer("mlv ls"),
    "edit": Answer("mlv edit PATH", "Takes the lock that policy asks for; the server enforces it at commit."),
    "filelog": Answer("mlv log PATH"),
    "files": Answer("mlv ls @REV"),
    "fstat": Answer("mlv status --json"),
    "have": Answer("mlv status", "The first line says which version the workspace has."),
    "info": Answer("mlv whoami"),
    "integrate": Answer(
        "mlv merge BRANCH", "The server merges at once where nothing conflicts; there is no step before."
    ),
    "label": Answer(
        "mlv label NAME @REV",
        "A label names one version of everything and stays there; to move it takes a right and a reason.",
    ),
    "labels": Answer("mlv labels"),
    "lock": Answer("mlv lock PATH"),
    "login": Answer("mlv login URL"),
    "logout": Answer("mlv logout"),
    "merge": Answer("mlv merge BRANCH"),
    "move": Answer("mlv move SOURCE TARGET"),
    "opened": Answer("mlv locks", "Locks of everybody; 'mlv status' shows what is open here."),
    "print": Answer("mlv cat PATH@REV"),
    "protect": Answer("mlv policy set REPO FILE", "All rules at once, as TOML; 'mlv policy grant' gives one role."),
    "protects": Answer("mlv policy show REPO"),
    "reconcile": Answer("mlv reconcile"),
    "rename": Answer("mlv move SOURCE TARGET"),
    "reopen": Answer("mlv edit PATH"),
    "resolve": Answer("mlv resolve --accept mine PATH", "Or theirs, base, edited."),
    "revert": Answer("mlv revert PATH"),
    "shelve": Answer("mlv shelve", "Under a name, not a changelist's number; needs no lock."),
    "status": Answer("mlv reconcile -n"),
    "submit": Answer("mlv commit -m TEXT"),
    "switch": Answer("mlv switch BRANCH"),
    "sync": Answer("mlv update"),
    "tag": Answer("mlv label NAME @REV"),
    "triggers": Answer(
        "mlv check add REPO URL --at publish", "Checks run elsewhere and answer over HTTPS; 'mlv webhook' only tells."
    ),
    "undo": Answer("mlv undo @N"),
    "unlock": Answer("mlv unlock PATH"),
    "unshelve": Answer("mlv unshelve NAME", "Takes no lock unless you say --lock; the shelf stays."),
    "user": Answer("mlv user add NAME"),
    "users": Answer("mlv user list"),
    "verify": Answer("mlv-server verify DIR"),
    "where": Answer("mlv status"),
}
SVN: dict[str, Answer] = {
    "add": Answer("mlv add PATH"),
    "blame": Answer("mlv log PATH", "Lines are not annotated yet; the log of a path follows its renames."),
    "cat": Answer("mlv cat PATH@REV"),
    "checkout": Answer("mlv checkout REPO DIR", "No second copy of the files is kept."),
    "cleanup": Answer("mlv update --verify", "What was interrupted is finished by the next command by itself."),
    "commit": Answer("mlv commit -m TEXT"),
    "copy": Answer("mlv copy SOURCE TARGET", "Of a branch: 'mlv branch NAME'; of a tag: 'mlv label NAME'."),
    "delete": Answer("mlv delete PATH"),
    "diff": Answer("mlv diff PATH"),
    "export": Answer("mlv cat PATH@REV", "For one file; a checkout keeps nothing but '.mlv' beside the files."),
    "import": Answer("mlv add .", "In a new checkout, then 'mlv commit'."),
    "info": Answer("mlv status"),
    "list": Answer("mlv ls @REV"),
    "lock": Answer("mlv lock PATH", "'mlv edit' takes the lock and makes the file writable."),
    "log": Answer("mlv log"),
    "merge": Answer("mlv merge BRANCH", "Done on the server; conflicts are decided in a workspace."),
    "mergeinfo": Answer("mlv merge BRANCH -n", "Shows what would come; a version's parents say what was merged."),
    "mkdir": Answer("mlv add PATH", "Folders are there where files are."),
    "move": Answer("mlv move SOURCE TARGET"),
    "propdel": Answer("mlv meta unset PATH KEY"),
    "propget": Answer("mlv meta show PATH"),
    "proplist": Answer("mlv meta show PATH"),
    "propset": Answer("mlv meta set PATH KEY=VALUE"),
    "relocate": Answer("mlv login URL"),
    "resolve": Answer("mlv resolve --accept mine PATH", "Or theirs, base, edited."),
    "revert": Answer("mlv revert PATH"),
    "status": Answer("mlv status"),
    "switch": Answer("mlv switch BRANCH"),
    "unlock": Answer("mlv unlock PATH"),
    "update": Answer("mlv update"),
    "x-shelve": Answer("mlv shelve", "The changes stay here unless you say --revert; the shelf is on the server."),
    "x-unshelve": Answer("mlv unshelve NAME"),
}
GIT: dict[str, Answer] = {
    "add": Answer("mlv add PATH", "Only new files; changed ones are committed without being staged."),
    "blame": Answer("mlv log PATH", "Lines are not annotated yet; the log of a path follows its renames."),
    "branch": Answer(
        "mlv branch NAME", "Made on the server at once; 'mlv switch' goes there. For -d: 'mlv branch NAME --abandon'."
    ),
    "cat-file": Answer("mlv cat PATH@REV"),
    "checkout": Answer("mlv switch BRANCH", "Of a file: 'mlv revert PATH'; of a version: 'mlv update @REV'."),
    "clone": Answer("mlv checkout REPO DIR", "One version comes, not the history."),
    "commit": Answer("mlv commit -m TEXT", "It is on the server when it returns: there is no push."),
    "config": Answer("mlv config"),
    "diff": Answer("mlv diff"),
    "fetch": Answer("mlv status -u", "Tells what is newer; nothing is kept on the side."),
    "fsck": Answer("mlv-server verify DIR"),
    "gc": Answer("mlv-server gc DIR"),
    "grep": Answer("mlv cat PATH@REV", "The files of a workspace are plain files: grep them."),
    "init": Answer("mlv repo create NAMESPACE/NAME"),
    "lfs": Answer("mlv lock PATH", "Large files need no extension: they travel as deltas, and locks are enforced."),
    "log": Answer("mlv log"),
    "ls-files": Answer("mlv ls"),
    "ls-tree": Answer("mlv ls @REV"),
    "merge": Answer("mlv merge BRANCH"),
    "mv": Answer("mlv move SOURCE TARGET"),
    "pull": Answer("mlv update"),
    "push": Answer("mlv commit -m TEXT", "A commit is on the server when it returns."),
    "rebase": Answer("mlv update", "Commits of others come in between by themselves where paths do not meet."),
    "reset": Answer("mlv revert PATH", "Of committed versions: 'mlv undo --to @REV', which is a new version."),
    "restore": Answer("mlv revert PATH"),
    "revert": Answer("mlv undo @N", "'mlv revert' takes back local changes."),
    "rm": Answer("mlv delete PATH"),
    "show": Answer("mlv show @N"),
    "stash": Answer("mlv shelve --revert", "On the server, by name; 'mlv unshelve' for pop, and the shelf stays."),
    "status": Answer("mlv status"),
    "switch": Answer("mlv switch BRANCH"),
    "tag": Answer("mlv label NAME @REV"),
}
TOOLS: dict[str, dict[str, Answer]] = {"p4": P4, "svn": SVN, "git": GIT}
SHORT: dict[str, dict[str, str]] = {
    "p4": {"open": "edit", "integ": "integrate", "rec": "reconcile", "workspace": "client", "changelist": "change"},
    "svn": {
        "co": "checkout", "ci": "commit", "up": "update", "st": "status", "sw": "switch", "di": "diff", "ls": "list",
        "rm": "delete", "del": "delete", "remove": "delete", "mv": "move", "rename": "move", "cp": "copy",
        "praise": "blame", "annotate": "blame", "ann": "blame", "pd": "propdel", "pg": "propget", "pl": "proplist",
        "ps": "propset",
    },
    "git": {"co": "checkout", "ci": "commit", "st": "status"},
}  # fmt: skip
