"""Django's settings, all drawn from the installation's ``Config``."""

from __future__ import annotations

import os
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from cadran.kernel import config as kernel_config

CADRAN = kernel_config.load()
AS_OWNER = os.environ.get("CADRAN_ACT_AS_OWNER") == "1"  # `cadran migrate` alone sets it


def database(url: str, *, pool: bool) -> dict[str, Any]:
    """Return Django's description of the database of a ``postgresql://`` URL."""
    parts = urlsplit(url)
    options: dict[str, Any] = dict(parse_qsl(parts.query))
    host = options.pop("host", parts.hostname or "")
    if pool:
        options["pool"] = {"min_size": 1, "max_size": 20, "timeout": 10}
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")) or "cadran",
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": host,
        "PORT": str(parts.port or ""),
        "OPTIONS": options,
        "CONN_HEALTH_CHECKS": True,  # of pooled connections: without it each one fails a page after PostgreSQL restarts
        "DISABLE_SERVER_SIDE_CURSORS": False,
    }


SECRET_KEY = CADRAN.secret_key or "no page is signed before the first start"
DEBUG = False
ALLOWED_HOSTS = list(CADRAN.allowed_hosts)
DATABASES = {
    "default": database(
        (CADRAN.database_owner_url if AS_OWNER else CADRAN.database_url) or "postgresql://localhost/cadran",
        pool=not AS_OWNER,
    )
}
TEST_RUNNER = "django.test.runner.DiscoverRunner"

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.postgres",
    "django.contrib.auth",
    "django_cotton",
    "procrastinate.contrib.django",
    "cadran.kernel",
    "cadran.ui",
    "cadran.parties",
    "cadran.commitments",
    "cadran.inventory",
    "cadran.telemetry",
    "cadran.messaging",
    "cadran.lorawan",
    "cadran.servicedesk",
    "cadran.portal",
    "allauth",
    "allauth.account",
    "allauth.mfa",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "cadran.ui.middleware.SecurityHeadersMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "cadran.portal.middleware.ViewerMiddleware",
]

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": False,
        "OPTIONS": {
            "loaders": [
                (
                    "django.template.loaders.cached.Loader",
                    [
                        "django_cotton.cotton_loader.Loader",
                        "django.template.loaders.filesystem.Loader",
                        "django.template.loaders.app_directories.Loader",
                    ],
                )
            ],
            "builtins": ["django_cotton.templatetags.cotton", "django.templatetags.i18n"],
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "cadran.ui.context.shell",
            ],
        },
    }
]

COTTON_ISOLATE_BY_DEFAULT = True

ROOT_URLCONF = "cadran.portal.urls"
WSGI_APPLICATION = "cadran.processes.wsgi.application"
AUTH_USER_MODEL = "parties.User"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "fr"
LANGUAGES = [("fr", "Français"), ("en", "English")]
LOCALE_PATHS = [kernel_config.CHECKOUT / "cadran" / "locale"]
USE_I18N = True
USE_TZ = True
TIME_ZONE = "UTC"

STATIC_URL = "/static/"
STATIC_ROOT = CADRAN.data_dir / "static"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
WHITENOISE_MANIFEST_STRICT = True

PASSWORD_HASHERS = ["django.contrib.auth.hashers.Argon2PasswordHasher"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
]
AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]

ACCOUNT_ADAPTER = "cadran.parties.signin.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"email"}
ACCOUNT_SIGNUP_FIELDS = ["email*", "password1*"]
ACCOUNT_USER_MODEL_USERNAME_FIELD = None
ACCOUNT_EMAIL_VERIFICATION = "none"  # accounts are created by administrators; there is no sign-up
ACCOUNT_PREVENT_ENUMERATION = True
ACCOUNT_SESSION_REMEMBER = False
ACCOUNT_LOGOUT_ON_GET = False
ALLAUTH_TRUSTED_PROXY_COUNT = CADRAN.trusted_proxies  # whose X-Forwarded-For names the client, for rate limits
ACCOUNT_REAUTHENTICATION_TIMEOUT = 300
MFA_ADAPTER = "cadran.parties.signin.MfaAdapter"
MFA_SUPPORTED_TYPES = ["totp", "recovery_codes"]
MFA_TOTP_ISSUER = "Cadran"
LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "/"

SESSION_COOKIE_AGE = 20 * 3600  # RGAA 13.1: a session of 20 h or more needs no warning
SESSION_COOKIE_HTTPONLY = True
SESSION_COOKIE_SAMESITE = "Lax"
CSRF_COOKIE_HTTPONLY = True
CSRF_FAILURE_VIEW = "cadran.ui.errors.csrf_failure"
CSRF_COOKIE_SAMESITE = "Lax"
CSRF_TRUSTED_ORIGINS = [CADRAN.public_url]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = CADRAN.public_url.startswith("https://")
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if SESSION_COOKIE_SECURE else None
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
X_FRAME_OPTIONS = "DENY"
MESSAGE_STORAGE = "django.contrib.messages.storage.session.SessionStorage"

EMAIL_BACKEND = "cadran.messaging.backend.OutgoingBackend"  # mail is a row first, sent by the worker
DEFAULT_FROM_EMAIL = SERVER_EMAIL = CADRAN.mail_from
SILENCED_SYSTEM_CHECKS = [
    "security.W004",  # HSTS is the TLS proxy's to decide (docs/production.md)
    "security.W008",  # the redirect to TLS too
    "security.W012",  # cookies are Secure as soon as public_url is https
    "security.W016",
]

LOGGING = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {"line": {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}},
    "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "line"}},
    "root": {"handlers": ["stderr"], "level": "INFO"},
    "loggers": {"procrastinate": {"level": "WARNING"}, "httpx": {"level": "WARNING"}},
}
