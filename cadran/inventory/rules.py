"""Decisions about equipment that need no database."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

# « garantie totale du constructeur, pendant une période minimale de 1 an à compter de leur date de livraison plus 30
# jours » (CCTP IoT 6.5, CCTP telecoms 6.1.3). An agreement's pack may promise more, never less.
WARRANTY_MONTHS = 12
WARRANTY_EXTRA_DAYS = 30


def warranty_until(delivered_on: date, *, months: int = WARRANTY_MONTHS, extra_days: int = WARRANTY_EXTRA_DAYS) -> date:
    """Return the last day of the warranty of equipment delivered on that day.

    Months first, days after: delivered on 15/01/2026, the year ends on 15/01/2027 and the warranty on 14/02/2027. A day
    that the last month lacks becomes its last day (29 February). Raises ValueError: less than the contract's minimum.
    """
    if months < WARRANTY_MONTHS or extra_days < WARRANTY_EXTRA_DAYS:
        raise ValueError(
            f"Garantie de {months} mois et {extra_days} jours : le contrat demande au moins {WARRANTY_MONTHS} mois"
            f" et {WARRANTY_EXTRA_DAYS} jours (CCTP IoT 6.5)."
        )
    year, month = divmod(delivered_on.month - 1 + months, 12)
    year, month = delivered_on.year + year, month + 1
    day = min(delivered_on.day, calendar.monthrange(year, month)[1])
    return date(year, month, day) + timedelta(days=extra_days)


def under_warranty(warranty_until: date | None, day: date) -> bool:
    """Tell whether ``day`` is covered, last day included; equipment of unknown delivery is not."""
    return warranty_until is not None and day <= warranty_until
