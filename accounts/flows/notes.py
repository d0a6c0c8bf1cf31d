"""Notes: what staff want to remember about a customer."""

from accounts.errors import AccountsError
from accounts.flows.audit import audited
from accounts.models import Account, AccountNote, User


@audited("accounts.add_note", "name", needs_reason=False)
def add(account: Account, text: str, *, actor: User) -> AccountNote:
    """Write a note about an account. Raises AccountsError for an empty one."""
    if not text.strip():
        raise AccountsError("note_empty", "Write something down first.")
    return AccountNote.objects.create(account=account, author=actor, text=text.strip()[:2000])
