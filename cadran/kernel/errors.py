"""What a refused act says to the person who asked for it.

A message is French and complete: what was refused, on what, and what to do now. It is shown as it stands, so it
never carries a secret, a stack or another beneficiary's name. ``code`` is stable: API clients match it.
"""

from typing import ClassVar


class DomainError(Exception):
    """A rule of the house refused the act; every room derives its own errors from this one."""

    code: ClassVar[str] = "kernel.refused"

    @property
    def message(self) -> str:
        """The sentence for the person, in French."""
        return str(self)


class NotAllowed(DomainError):
    """The viewer sees the object but holds no right to this act (status 403)."""

    code = "kernel.not_allowed"

    def __init__(self, capability: str, *, remedy: str = "Demandez ce droit à votre administrateur.") -> None:
        super().__init__(f"Vous n’avez pas le droit « {capability} » sur cet objet. {remedy}")
        self.capability = capability


class NotFound(DomainError):
    """No such object for this viewer (status 404): absent and hidden read the same, on purpose."""

    code = "kernel.not_found"

    def __init__(self, what: str, reference: object = "") -> None:
        named = f"{what} {reference}".strip()
        super().__init__(f"{named} est introuvable dans votre périmètre. Vérifiez la référence ou revenez à la liste.")
        self.what = what
        self.reference = reference


class InvalidInput(DomainError):
    """A value given by a person cannot be used (status 422)."""

    code = "kernel.invalid_input"

    def __init__(self, field: str, problem: str, remedy: str) -> None:
        super().__init__(f"{field} : {problem} {remedy}".strip())
        self.field = field
        self.problem = problem
        self.remedy = remedy


class Conflict(DomainError):
    """Somebody else changed the object first, or its state does not allow the act any more (status 409)."""

    code = "kernel.conflict"

    def __init__(self, what: str, *, remedy: str = "Rechargez la page, relisez, puis recommencez si besoin.") -> None:
        super().__init__(f"{what} a changé entre-temps. {remedy}")
        self.what = what
