"""Rebuild the vendored front-end files: ``python -m cadran.ui.vendoring``.

Only a maintainer who changes a version runs this; nothing here is imported by the application.
It needs Node's ``npm`` and the commands of the PyPI packages ``fonttools`` and ``brotli``.
"""
