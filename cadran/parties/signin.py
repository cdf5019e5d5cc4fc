"""How people sign in: what Cadran changes in the sign-in library."""

from __future__ import annotations

import base64
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.mfa.adapter import DefaultMFAAdapter
from django.conf import settings
from django.http import HttpRequest

from cadran.kernel import secrets
from cadran.parties.rules import DEMONSTRATION_PASSWORD

_TOTP_CONTEXT = "mfa"


class AccountAdapter(DefaultAccountAdapter):  # type: ignore[misc]
    """Accounts are created by administrators, never by sign-up."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Refuse every sign-up."""
        return False

    def authenticate(self, request: HttpRequest, **credentials: Any) -> Any:
        """Refuse the demonstration's public password, whoever's it became, unless this is the demonstration."""
        if credentials.get("password") == DEMONSTRATION_PASSWORD and not settings.CADRAN.demo:
            self.authentication_failed(request, **credentials)
            return None
        return super().authenticate(request, **credentials)


class MfaAdapter(DefaultMFAAdapter):  # type: ignore[misc]
    """Seeds and recovery codes are sealed at rest: the library's default keeps them in clear."""

    def encrypt(self, text: str) -> str:
        """Return the sealed form of a seed, as base64 text."""
        return base64.b64encode(secrets.seal(text.encode(), context=_TOTP_CONTEXT)).decode()

    def decrypt(self, encrypted_text: str) -> str:
        """Return the seed of its sealed form."""
        return secrets.unseal(base64.b64decode(encrypted_text), context=_TOTP_CONTEXT).decode()

    def get_totp_label(self, user: Any) -> str:
        """Return what the authenticator app shows: the address of the account."""
        return str(user.email)
