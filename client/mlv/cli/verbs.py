"""The table of all verbs: where each lives and what it is called; nothing is imported for reading it."""

from __future__ import annotations

from typing import NamedTuple


class Verb(NamedTuple):
    """A verb, the module of mlv.cli.commands and the attribute that hold it, one line of help and its family."""

    name: str
    module: str
    attribute: str
    help: str
    family: str


_SIGN_IN, _REPOSITORY, _WORK, _HISTORY, _LOCKS, _ADMIN = (
    "Sign in", "Repositories and workspaces", "Change", "History", "Locks", "Administration and settings",
)  # fmt: skip

VERBS: tuple[Verb, ...] = (
    Verb("login", "signin", "login", "Sign in to a server and remember it.", _SIGN_IN),
    Verb("logout", "signin", "logout", "Forget the token of a server.", _SIGN_IN),
    Verb("whoami", "signin", "whoami", "Who the server takes you for.", _SIGN_IN),
    Verb("repo", "repo", "repo", "Create, list and show repositories.", _REPOSITORY),
    Verb("checkout", "checkout", "checkout", "Make a workspace of one version.", _REPOSITORY),
    Verb("update", "checkout", "update", "Bring the workspace to the newest or another version.", _REPOSITORY),
    Verb("switch", "checkout", "switch", "Go to another branch; local changes stay.", _REPOSITORY),
    Verb("resolve", "checkout", "resolve", "Decide a conflict: mine, theirs, base, edited, shelf.", _REPOSITORY),
    Verb("status", "status", "status", "What differs here from the version.", _WORK),
    Verb("edit", "locks", "edit", "Take the needed lock and make files writable.", _WORK),
    Verb("add", "tracking", "add", "Record new files for the next commit.", _WORK),
    Verb("delete", "tracking", "delete", "Delete files here and in the next commit.", _WORK),
    Verb("move", "tracking", "move", "Move or rename files; history and locks follow.", _WORK),
    Verb("copy", "tracking", "copy", "Copy files; the copy remembers its origin.", _WORK),
    Verb("reconcile", "tracking", "reconcile", "Find edits, adds and deletes made outside mlv.", _WORK),
    Verb("revert", "revert", "revert", "Take back local changes.", _WORK),
    Verb("meta", "meta", "meta", "Set, unset and show properties of files and of the version.", _WORK),
    Verb("diff", "diff", "diff", "Show what differs, in text or in records.", _WORK),
    Verb("commit", "commit", "commit", "Make a new version of everything that changed.", _WORK),
    Verb("shelve", "shelves", "shelve", "Keep changes on the server without a commit.", _WORK),
    Verb("unshelve", "shelves", "unshelve", "Bring changes back from a shelf, on any later version.", _WORK),
    Verb("shelves", "shelves", "shelves", "List, show and delete shelves.", _WORK),
    Verb("undo", "commit", "undo", "A new version that takes back committed ones.", _WORK),
    Verb("log", "history", "log", "The versions, newest first.", _HISTORY),
    Verb("show", "history", "show", "One version: message, records, changes.", _HISTORY),
    Verb("cat", "history", "cat", "Print a file of any version.", _HISTORY),
    Verb("ls", "history", "ls", "The files of a version.", _HISTORY),
    Verb("branch", "branches", "branch", "Make, abandon and reopen branches.", _HISTORY),
    Verb("branches", "branches", "branches", "List branches.", _HISTORY),
    Verb("merge", "merge", "merge", "Merge a branch into another, on the server.", _HISTORY),
    Verb("label", "labels", "label", "Name a version.", _HISTORY),
    Verb("labels", "labels", "labels", "List labels, their history, and names that are kept for some.", _HISTORY),
    Verb("approve", "approvals", "approve", "Approve a version, where rules ask for it.", _HISTORY),
    Verb("approvals", "approvals", "approvals", "Who approved which version.", _HISTORY),
    Verb("watch", "watching", "watch", "Print what happens in a repository, as it happens.", _HISTORY),
    Verb("lock", "locks", "lock", "Take the locks of files.", _LOCKS),
    Verb("unlock", "locks", "unlock", "Give locks back, or break another's.", _LOCKS),
    Verb("locks", "locks", "locks", "Who holds which lock.", _LOCKS),
    Verb("freeze", "freezes", "freeze", "Let nobody change a branch, paths or a label for a while.", _LOCKS),
    Verb("unfreeze", "freezes", "unfreeze", "Lift a freeze.", _LOCKS),
    Verb("freezes", "freezes", "freezes", "What is frozen, by whom, until when and why.", _LOCKS),
    Verb("user", "admin", "user", "Add, list and disable users.", _ADMIN),
    Verb("group", "groups", "group", "Make groups of users, and put users into them.", _ADMIN),
    Verb("token", "admin", "token", "Create, list and revoke tokens.", _ADMIN),
    Verb("policy", "policy", "policy", "Who may do what, and why.", _ADMIN),
    Verb("webhook", "webhooks", "webhook", "Tell others of what happens in a repository.", _ADMIN),
    Verb("check", "checks", "check", "Ask others before something is written.", _ADMIN),
    Verb("audit", "auditing", "audit", "Who did what, who was refused, is the trail sound.", _ADMIN),
    Verb("config", "config", "config", "Show and change settings.", _ADMIN),
    Verb("help", "help", "help_", "Help on a verb.", _ADMIN),
    Verb("completion", "help", "completion", "Print the completion script of a shell.", _ADMIN),
)

ALIASES: dict[str, str] = {
    "co": "checkout", "get": "checkout", "clone": "checkout",
    "up": "update", "sync": "update", "pull": "update",
    "sw": "switch",
    "open": "edit",
    "reserve": "lock", "release": "unlock", "opened": "locks",
    "rm": "delete", "mv": "move", "rename": "move", "cp": "copy",
    "st": "status", "rec": "reconcile", "backout": "undo",
    "propset": "meta set",
    "proplist": "meta show",
    "di": "diff", "ci": "commit", "submit": "commit", "checkin": "commit",
    "history": "log", "changes": "log", "filelog": "log",
    "describe": "show", "print": "cat",
    "integrate": "merge", "tag": "label", "protect": "policy grant",
    "protects": "policy show",
}  # fmt: skip
