"""The verbs of Perforce, Subversion and git, and what does the same here: for fingers that know another tool."""

from __future__ import annotations

from typing import NamedTuple


class Answer(NamedTuple):
    """What to type, and what is different."""

    command: str
    note: str = ""


P4: dict[str, Answer] = {
    "add": Answer("mlv add PATH"),
    "admin": Answer("mlv-server backup DIR DEST", "For checkpoint; it runs beside the server."),
    "annotate": Answer("mlv log PATH", "Lines are not annotated yet; the log of a path follows its renames."),
    "attribute": Answer("mlv meta set PATH KEY=VALUE", "Versioned with the file."),
    "branch": Answer("mlv branch NAME", "A branch is a line of versions, not a mapping of paths."),
    "branches": Answer("mlv branches"),
    "change": Answer("mlv commit -m TEXT", "There are no numbered pending changelists: a commit names its paths."),
    "changes": Answer("mlv log", "For -s shelved: 'mlv shelves'."),
    "clean": Answer("mlv revert PATH", "New files stay; changed bytes move to .mlv/rescue/."),
    "client": Answer("mlv checkout REPO DIR", "A workspace holds one version; --only and --exclude narrow it."),
    "configure": Answer("mlv-server check-config FILE", "The settings of a server are one file."),
    "copy": Answer("mlv copy SOURCE TARGET"),
    "delete": Answer("mlv delete PATH"),
    "depot": Answer("mlv repo create NAMESPACE/NAME"),
    "depots": Answer("mlv repo list"),
    "describe": Answer("mlv show @N", "For -S: 'mlv shelves show NAME'."),
    "diff": Answer("mlv diff PATH"),
    "diff2": Answer("mlv diff @A:@B PATH"),
    "dirs": Answer("mlv ls"),
    "edit": Answer("mlv edit PATH", "Takes the lock that policy asks for; the server enforces it at commit."),
    "filelog": Answer("mlv log PATH"),
    "files": Answer("mlv ls @REV"),
    "flush": Answer("mlv update --adopt", "Files that match are taken as they lie there."),
    "fstat": Answer("mlv status --json"),
    "grep": Answer("mlv cat PATH@REV", "The files of a workspace are plain files: grep them."),
    "group": Answer("mlv group add NAME", "'mlv group add-member NAME USER' puts users in."),
    "groups": Answer("mlv group list"),
    "have": Answer("mlv status", "The first line says which version the workspace has."),
    "ignores": Answer("mlv status", "Patterns stand in .mlvignore, which is a file like others."),
    "info": Answer("mlv whoami"),
    "integrate": Answer(
        "mlv merge BRANCH", "The server merges at once where nothing conflicts; there is no step before."
    ),
    "integrated": Answer("mlv show @N", "The parents of a version say what was merged."),
    "interchanges": Answer("mlv merge BRANCH -n", "Shows what would come."),
    "label": Answer(
        "mlv label NAME @REV",
        "A label names one version of everything and stays there; to move it takes a right and a reason.",
    ),
    "labels": Answer("mlv labels"),
    "labelsync": Answer(
        "mlv label NAME @REV --move -m WHY", "A label names one version; moving it is kept in its history."
    ),
    "lock": Answer(
        "mlv lock PATH", "Held by another: --wait queues for it, --request asks, --steal takes it (a right, and -m)."
    ),
    "login": Answer("mlv login URL"),
    "logout": Answer("mlv logout"),
    "logtail": Answer("mlv audit log REPO"),
    "merge": Answer("mlv merge BRANCH"),
    "move": Answer("mlv move SOURCE TARGET"),
    "opened": Answer("mlv locks", "Locks of everybody, --mine yours; 'mlv status' shows what is open here."),
    "passwd": Answer("mlv token create", "There are no passwords: a token is shown once."),
    "populate": Answer("mlv branch NAME @REV", "It costs nothing whatever the size."),
    "print": Answer("mlv cat PATH@REV"),
    "protect": Answer(
        "mlv policy set REPO FILE", "All rules at once, as TOML, with tests; 'mlv policy grant' gives one role."
    ),
    "protects": Answer("mlv policy show REPO", "'mlv policy explain USER ACTION REPO' says which rule decides."),
    "reconcile": Answer("mlv reconcile"),
    "rename": Answer("mlv move SOURCE TARGET"),
    "reopen": Answer("mlv edit PATH"),
    "resolve": Answer("mlv resolve --accept mine PATH", "Or theirs, base, edited."),
    "resolved": Answer("mlv status", "What is not decided yet has a C."),
    "revert": Answer("mlv revert PATH"),
    "review": Answer("mlv approvals", "'mlv approve @N' approves a version; rules of the policy ask for it."),
    "reviews": Answer("mlv watch --path GLOB", "For those who want to be told; programs use 'mlv webhook'."),
    "set": Answer("mlv config NAME VALUE"),
    "shelve": Answer("mlv shelve", "Under a name, not a changelist's number; needs no lock."),
    "sizes": Answer("mlv ls -l"),
    "status": Answer("mlv reconcile -n"),
    "stream": Answer("mlv branch NAME --kind KIND --into B", "Kinds: experiment, integration, release."),
    "streams": Answer("mlv branches"),
    "submit": Answer("mlv commit -m TEXT"),
    "switch": Answer("mlv switch BRANCH"),
    "sync": Answer("mlv update"),
    "tag": Answer("mlv label NAME @REV"),
    "tickets": Answer("mlv token list"),
    "triggers": Answer(
        "mlv check add REPO URL --at publish", "Checks run elsewhere and answer over HTTPS; 'mlv webhook' only tells."
    ),
    "undo": Answer("mlv undo @N"),
    "unlock": Answer("mlv unlock PATH", "For -f: --force -m WHY; --give USER hands it to one who asked."),
    "unshelve": Answer("mlv unshelve NAME", "Takes no lock unless you say --lock; the shelf stays."),
    "user": Answer("mlv user add NAME"),
    "users": Answer("mlv user list"),
    "verify": Answer("mlv-server verify DIR"),
    "where": Answer("mlv status"),
}
SVN: dict[str, Answer] = {
    "add": Answer("mlv add PATH"),
    "auth": Answer("mlv whoami"),
    "blame": Answer("mlv log PATH", "Lines are not annotated yet; the log of a path follows its renames."),
    "cat": Answer("mlv cat PATH@REV"),
    "changelist": Answer("mlv commit PATH -m TEXT", "A commit names its paths; there are no lists beside it."),
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
    "lock": Answer(
        "mlv lock PATH", "'mlv edit' makes the file writable too. For --force: --steal -m WHY, which takes a right."
    ),
    "log": Answer("mlv log"),
    "merge": Answer("mlv merge BRANCH", "Done on the server; conflicts are decided in a workspace."),
    "mergeinfo": Answer("mlv merge BRANCH -n", "Shows what would come; a version's parents say what was merged."),
    "mkdir": Answer("mlv add PATH", "Folders are there where files are."),
    "move": Answer("mlv move SOURCE TARGET"),
    "propdel": Answer("mlv meta unset PATH KEY"),
    "propedit": Answer("mlv meta set PATH KEY=VALUE"),
    "propget": Answer("mlv meta show PATH"),
    "proplist": Answer("mlv meta show PATH"),
    "propset": Answer(
        "mlv meta set PATH KEY=VALUE", "svn:needs-lock is a rule of the policy here, svn:ignore the file .mlvignore."
    ),
    "relocate": Answer("mlv login URL"),
    "resolve": Answer("mlv resolve --accept mine PATH", "Or theirs, base, edited."),
    "revert": Answer("mlv revert PATH"),
    "status": Answer("mlv status"),
    "switch": Answer("mlv switch BRANCH", "For --relocate: 'mlv login URL'."),
    "unlock": Answer("mlv unlock PATH", "For --force: --force -m WHY, which takes a right; the holder is told."),
    "update": Answer("mlv update"),
    "x-shelf-drop": Answer("mlv shelves delete NAME"),
    "x-shelf-list": Answer("mlv shelves list"),
    "x-shelf-save": Answer("mlv shelve", "Needs no lock."),
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
    "describe": Answer("mlv labels"),
    "diff": Answer("mlv diff"),
    "fetch": Answer("mlv status -u", "Tells what is newer; nothing is kept on the side."),
    "fsck": Answer("mlv-server verify DIR"),
    "gc": Answer("mlv-server gc DIR"),
    "grep": Answer("mlv cat PATH@REV", "The files of a workspace are plain files: grep them."),
    "hook": Answer(
        "mlv check add REPO URL --at publish", "Checks run elsewhere and answer over HTTPS; 'mlv webhook' only tells."
    ),
    "init": Answer("mlv repo create NAMESPACE/NAME"),
    "lfs": Answer(
        "mlv lock PATH", "Large files need no extension; 'mlv locks' lists the locks, which the server enforces."
    ),
    "log": Answer("mlv log"),
    "ls-files": Answer("mlv ls"),
    "ls-remote": Answer("mlv branches --repo REPO"),
    "ls-tree": Answer("mlv ls @REV"),
    "merge": Answer("mlv merge BRANCH"),
    "mergetool": Answer("mlv resolve --accept mine PATH", "Or theirs, base, edited."),
    "mv": Answer("mlv move SOURCE TARGET"),
    "notes": Answer("mlv meta set PATH KEY=VALUE", "Versioned; of the version itself with . as the path."),
    "pull": Answer("mlv update"),
    "push": Answer(
        "mlv commit -m TEXT", "A commit is on the server when it returns. There is no --force: no history is rewritten."
    ),
    "rebase": Answer("mlv update", "Commits of others come in between by themselves where paths do not meet."),
    "reflog": Answer("mlv watch --after 0 --once", "All that happened in the repository."),
    "remote": Answer("mlv login URL", "A workspace belongs to one server."),
    "request-pull": Answer(
        "mlv merge BRANCH --into B", "Where rules ask for approvals: 'mlv approve BRANCH' comes first, by others."
    ),
    "reset": Answer("mlv revert PATH", "Of committed versions: 'mlv undo --to @REV', which is a new version."),
    "restore": Answer("mlv revert PATH"),
    "rev-parse": Answer("mlv show @REV"),
    "revert": Answer("mlv undo @N", "'mlv revert' takes back local changes."),
    "rm": Answer("mlv delete PATH"),
    "shortlog": Answer("mlv log"),
    "show": Answer("mlv show @N"),
    "sparse-checkout": Answer("mlv checkout REPO DIR --only GLOB"),
    "stash": Answer(
        "mlv shelve --revert",
        "On the server, by name; 'mlv shelves' lists, 'mlv unshelve' is pop, and the shelf stays.",
    ),
    "status": Answer("mlv status"),
    "switch": Answer("mlv switch BRANCH"),
    "tag": Answer(
        "mlv label NAME @REV", "For -f: --move -m WHY, for -d: --delete -m WHY; both take a right, and stay on record."
    ),
    "worktree": Answer("mlv checkout REPO DIR", "As many workspaces as you like."),
}
TOOLS: dict[str, dict[str, Answer]] = {"p4": P4, "svn": SVN, "git": GIT}
SHORT: dict[str, dict[str, str]] = {
    "p4": {"open": "edit", "integ": "integrate", "rec": "reconcile", "workspace": "client", "changelist": "change",
           "changelists": "changes", "trigger": "triggers", "update": "sync"},
    "svn": {
        "co": "checkout", "ci": "commit", "up": "update", "st": "status", "sw": "switch", "di": "diff", "ls": "list",
        "rm": "delete", "del": "delete", "remove": "delete", "mv": "move", "rename": "move", "cp": "copy",
        "praise": "blame", "annotate": "blame", "ann": "blame", "pd": "propdel", "pg": "propget", "pl": "proplist",
        "ps": "propset", "pe": "propedit", "cl": "changelist", "resolved": "resolve", "x-shelves": "x-shelf-list",
    },
    "git": {"co": "checkout", "ci": "commit", "st": "status", "annotate": "blame", "whatchanged": "log"},
}  # fmt: skip
