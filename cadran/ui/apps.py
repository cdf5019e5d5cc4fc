"""The ``ui`` application: nothing to start, everything is called."""

from django.apps import AppConfig


class UiConfig(AppConfig):
    """Templates, static files and tags shared by every room."""

    name = "cadran.ui"
    label = "ui"
    verbose_name = "Interface"
