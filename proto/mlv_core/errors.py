"""Every failure that mlv names: one class each with code, gRPC status name, exit code, message and advice."""

from __future__ import annotations

from typing import ClassVar


class MlvError(Exception):
    """A failure with a name.

    `message` says what happened and why, `advice` what to type or do next, `items` the things that stand in the
    way (one line each: paths, holders, settings). `code` is stable and never used again for another failure.
    """

    code: ClassVar[str] = "INTERNAL"
    status: ClassVar[str] = "INTERNAL"
    exit_code: ClassVar[int] = 1
    default_advice: ClassVar[str] = "Report the request id to whoever runs the server."

    def __init__(self, message: str, *, advice: str | None = None, items: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.message = message
        self.advice = self.default_advice if advice is None else advice
        self.items = tuple(items)


class InternalError(MlvError):
    """A bug: something that mlv did not foresee."""


class UsageError(MlvError):
    """The command line or a request is not well formed."""

    code = "USAGE"
    status = "INVALID_ARGUMENT"
    exit_code = 2
    default_advice = "See 'mlv help' for the command's arguments."


class InvalidName(UsageError):
    """A repository, branch, label, user or property name breaks the rules of names."""

    code = "INVALID_NAME"
    default_advice = "Use letters, digits, '-', '_' and '.'; not all digits, not a date, none of have, head, prev."


class InvalidPath(UsageError):
    """A path in a version breaks the rules of paths."""

    code = "INVALID_PATH"
    default_advice = "Use a relative path with '/' and no '..', control characters or reserved names."


class PathClash(UsageError):
    """Two paths differ only by case or Unicode form (F2)."""

    code = "PATH_CLASH"
    default_advice = "Rename one of the two: other systems cannot hold both."


class InvalidRevision(UsageError):
    """A revision or address cannot be read."""

    code = "INVALID_REVISION"
    default_advice = "Write @42, @main, @v1.2, @2026-11-22, @have, @head or @prev."


class InvalidRequest(UsageError):
    """A field of a request holds a value outside its range."""

    code = "INVALID_REQUEST"
    default_advice = "The message names the field and what it may hold."


class InvalidSettings(UsageError):
    """A settings file or environment variable is wrong; the message names line and reason."""

    code = "INVALID_SETTINGS"
    default_advice = "Mend the named line; 'mlv-server check-config FILE' checks it again."


class NotAWorkspace(UsageError):
    """The directory belongs to no workspace."""

    code = "NOT_A_WORKSPACE"
    default_advice = "Go to a directory made by 'mlv checkout', or name one with -C DIR."


class NothingToCommit(UsageError):
    """A commit without a change and without records (C5)."""

    code = "NOTHING_TO_COMMIT"
    default_advice = "Change a file, or add records with --param or --metric."


class AlreadyMerged(UsageError):
    """The target of a merge holds all of its source."""

    code = "ALREADY_MERGED"
    default_advice = "'mlv log' shows what was merged."


class MissingFile(UsageError):
    """A tracked file is gone from the disk and was not deleted by command (C8)."""

    code = "MISSING_FILE"
    default_advice = "'mlv delete PATH' if it should go, 'mlv revert PATH' to bring it back."


class UnsupportedFile(UsageError):
    """A file of a kind that mlv does not keep: device, socket, a link that leaves the workspace."""

    code = "UNSUPPORTED_FILE"
    default_advice = "Leave it out, or name it in .mlvignore."


class FileChanging(UsageError):
    """A file kept changing while it was read."""

    code = "FILE_CHANGING"
    default_advice = "Wait until the program that writes it has finished, then commit again."


class UnknownEnvironment(UsageError):
    """A commit names an environment that the repository does not know."""

    code = "UNKNOWN_ENVIRONMENT"
    default_advice = "State the environment's facts and packages."


class RequestReused(UsageError):
    """A request id came again with another content (C3)."""

    code = "REQUEST_REUSED"
    default_advice = "Use a fresh request id for each new request."


class InvalidPolicy(UsageError):
    """A policy document is wrong; each line and reason is named."""

    code = "INVALID_POLICY"
    default_advice = "Mend the named lines; 'mlv policy show REPO --toml' shows how one looks."


class PolicyTestsFailed(UsageError):
    """A policy would not pass its own tests, and did not take effect (P6)."""

    code = "POLICY_TESTS_FAILED"
    default_advice = "Mend the rules or the tests; 'mlv policy test REPO FILE' tries again without setting."


class NotFound(MlvError):
    """What was asked for does not exist, or the asker may not know that it does (P4)."""

    code = "NOT_FOUND"
    status = "NOT_FOUND"
    exit_code = 9
    default_advice = "Check the name; 'mlv repo list', 'mlv branches' and 'mlv labels' show what you may see."


class AlreadyExists(MlvError):
    """The name is taken."""

    code = "ALREADY_EXISTS"
    status = "ALREADY_EXISTS"
    exit_code = 9
    default_advice = "Choose another name."


class HeadMoved(MlvError):
    """A path of this commit changed on the branch since its base (C4)."""

    code = "HEAD_MOVED"
    status = "ABORTED"
    exit_code = 3
    default_advice = "'mlv update' merges or marks the conflicts; then commit again."


class PolicyMoved(MlvError):
    """The policy was changed since the document was made from it (P6)."""

    code = "POLICY_MOVED"
    status = "ABORTED"
    exit_code = 3
    default_advice = "'mlv policy diff REPO FILE' shows what it would change now."


class StaleBase(MlvError):
    """A lock was asked for on a file of which the workspace does not have the newest version (L5)."""

    code = "STALE_BASE"
    status = "ABORTED"
    exit_code = 3
    default_advice = "'mlv edit --update PATH' brings the newest version and takes the lock."


class Conflict(MlvError):
    """Files are in conflict and wait for a decision."""

    code = "CONFLICT"
    status = "ABORTED"
    exit_code = 3
    default_advice = "'mlv resolve --accept mine|theirs PATH' decides."


class LocalChanges(MlvError):
    """The act would overwrite local changes (F5)."""

    code = "LOCAL_CHANGES"
    status = "ABORTED"
    exit_code = 3
    default_advice = "Commit or revert the named files first."


class WorkspaceBusy(MlvError):
    """Another command is changing the same workspace."""

    code = "WORKSPACE_BUSY"
    status = "ABORTED"
    exit_code = 3
    default_advice = "Wait until it has finished, then type the command again."


class FolderBusy(MlvError):
    """Another command is working on the same folder of a server or a backup."""

    code = "FOLDER_BUSY"
    status = "ABORTED"
    exit_code = 3
    default_advice = "Wait until it has finished, then type the command again."


class LockHeld(MlvError):
    """Somebody else holds the lock."""

    code = "LOCK_HELD"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = (
        "'mlv edit --wait PATH' waits for it, 'mlv lock --request PATH' asks the holder; a maintainer can take it with "
        "'mlv lock --steal -m WHY PATH'."
    )


class LockNeeded(MlvError):
    """The file must be locked before it is changed, and the workspace holds no lock on it."""

    code = "LOCK_NEEDED"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = "'mlv lock PATH' takes the lock."


class LockLost(MlvError):
    """The presented fencing token is not the live one."""

    code = "LOCK_LOST"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = (
        "Your file is untouched. 'mlv lock PATH' takes the lock again if it is free; 'mlv shelve --revert' keeps your "
        "work on the server, and 'mlv unshelve' brings it back after an update."
    )


class LockDenied(MlvError):
    """The holder of a lock was asked for it and said no (L10)."""

    code = "LOCK_DENIED"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = "Talk to the holder; 'mlv locks' shows who it is."


class Frozen(MlvError):
    """The branch, label or path is frozen for everybody, whoever set the freeze too (L2)."""

    code = "FROZEN"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = "'mlv freezes' shows its end; a maintainer lifts it; 'mlv shelve' keeps your work meanwhile."


class BranchAbandoned(MlvError):
    """The branch was abandoned: it is read, and nothing lands on it."""

    code = "BRANCH_ABANDONED"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = "Work on another branch; 'mlv branch --reopen NAME' opens it again."


class CheckRefused(MlvError):
    """A check outside of the server, which was asked about it, said no."""

    code = "CHECK_REFUSED"
    status = "FAILED_PRECONDITION"
    exit_code = 4
    default_advice = "Mend what the check names, then type the same command again; nothing was changed."


class CheckUnanswered(CheckRefused):
    """A check that must be asked gave no answer in time."""

    code = "CHECK_UNANSWERED"
    default_advice = "Try again in a moment; an admin of the repository can look with 'mlv check test REPO CHECK'."


class NotSignedIn(MlvError):
    """No token, or one that is unknown, expired or revoked."""

    code = "NOT_SIGNED_IN"
    status = "UNAUTHENTICATED"
    exit_code = 5
    default_advice = "'mlv login URL' signs in; an admin makes a new token with 'mlv token create'."


class Denied(MlvError):
    """The caller may see the object but not do this."""

    code = "DENIED"
    status = "PERMISSION_DENIED"
    exit_code = 5
    default_advice = "Ask an admin for the role: 'mlv policy grant ROLE NAME REPO'."


class ApprovalNeeded(Denied):
    """The policy asks for approvals of the version, which are not all there (P3)."""

    code = "APPROVAL_NEEDED"
    default_advice = "Ask one of those named for 'mlv approve @N', then type the same command again."


class UntrustedServer(MlvError):
    """The server's certificate does not match the remembered or given fingerprint."""

    code = "UNTRUSTED_SERVER"
    status = "UNAUTHENTICATED"
    exit_code = 5
    default_advice = "Ask the admin for the fingerprint; 'mlv logout' forgets the old one. No token was sent."


class Unreachable(MlvError):
    """The server does not answer."""

    code = "UNREACHABLE"
    status = "UNAVAILABLE"
    exit_code = 6
    default_advice = "Check the address and that the server runs; the same command again goes on where it stopped."


class VersionSkew(MlvError):
    """The other side does not know this call or format."""

    code = "VERSION_SKEW"
    status = "UNIMPLEMENTED"
    exit_code = 6
    default_advice = "Update the older side."


class DamagedContent(MlvError):
    """Stored or received content does not match its hash or cannot be decoded (F4)."""

    code = "DAMAGED_CONTENT"
    status = "DATA_LOSS"
    exit_code = 7
    default_advice = "Run 'mlv-server verify'; a client that has the same content heals it by committing it again."


class LimitExceeded(MlvError):
    """A limit or quota: size, number, memory, disk, file handles."""

    code = "LIMIT_EXCEEDED"
    status = "RESOURCE_EXHAUSTED"
    exit_code = 8
    default_advice = "The message names the limit; ask for less at a time, or an admin to raise it."


class DeadlineExceeded(LimitExceeded):
    """A call took longer than it may; what it was to write may be written all the same."""

    code = "DEADLINE_EXCEEDED"
    status = "DEADLINE_EXCEEDED"
    default_advice = "Type the same command again: it asks what became of this one. Or ask for less at a time."


class DiskFull(LimitExceeded):
    """No room on a disk."""

    code = "DISK_FULL"
    default_advice = "Make room and type the same command again: what was complete is kept."


class Interrupted(MlvError):
    """The user stopped the command."""

    code = "INTERRUPTED"
    status = "CANCELLED"
    exit_code = 130
    default_advice = "The next command finishes or undoes what was begun."
