"""The statutory holidays of each territory: the law's list only, never the customary days.

Customary days (Good Friday and mid-Lent in the Antilles, the Muslim feasts in Mayotte, 21 July) are not statutory:
an agreement or a site adds them one by one with ``HolidayCalendar.add``. Each line cites its text.
"""

from datetime import date
from functools import cache

from cadran.kernel.calendars.holidays import HolidayCalendar, HolidayRule
from cadran.kernel.calendars.territories import Territory

_L3133_1 = "Code du travail, article L3133-1"
_L3134_13 = "Code du travail, article L3134-13 (droit local)"
_L3422_2 = "Code du travail, article L3422-2"
_DECREE_1983 = "Loi 83-550 du 30 juin 1983 et décret 83-1003 du 23 novembre 1983"
_ABOLITION = "Abolition de l’esclavage"
_SINCE_1983 = date(1983, 11, 23)


def _fixed(code: str, name: str, source: str, day: int, month: int) -> HolidayRule:
    return HolidayRule(code=code, name=name, source=source, month=month, day=day)


def _easter(code: str, name: str, source: str, offset: int) -> HolidayRule:
    return HolidayRule(code=code, name=name, source=source, easter_offset=offset)


def _abolition(
    day: int, month: int, *, since: date = _SINCE_1983, until: date | None = None, source: str = ""
) -> HolidayRule:
    return HolidayRule(
        code="abolition",
        name=_ABOLITION,
        source=source or f"{_L3422_2} ; {_DECREE_1983}",
        month=month,
        day=day,
        valid_from=since,
        valid_to=until,
    )


# Eleven holidays for the whole country. Whit Monday stayed a holiday when it became the usual day of solidarity.
_NATIONAL = (
    _fixed("new_year", "Jour de l’an", f"{_L3133_1}, 1°", 1, 1),
    _easter("easter_monday", "Lundi de Pâques", f"{_L3133_1}, 2°", 1),
    _fixed("labour_day", "Fête du Travail", f"{_L3133_1}, 3°", 1, 5),
    HolidayRule(
        code="victory_1945",
        name="Victoire 1945",
        source=f"{_L3133_1}, 4° ; loi 81-893 du 2 octobre 1981",
        month=5,
        day=8,
        valid_from=date(1982, 1, 1),
    ),
    _easter("ascension", "Ascension", f"{_L3133_1}, 5°", 39),
    _easter("whit_monday", "Lundi de Pentecôte", f"{_L3133_1}, 6°", 50),
    _fixed("national_day", "Fête nationale", f"{_L3133_1}, 7°", 14, 7),
    _fixed("assumption", "Assomption", f"{_L3133_1}, 8°", 15, 8),
    _fixed("all_saints", "Toussaint", f"{_L3133_1}, 9°", 1, 11),
    _fixed("armistice_1918", "Armistice 1918", f"{_L3133_1}, 10°", 11, 11),
    _fixed("christmas", "Noël", f"{_L3133_1}, 11°", 25, 12),
)

_PF_CODE = "Code du travail de la Polynésie française (jours fériés)"
_PF_2025 = "Loi du pays 2025-12 (Matari’i remplace la fête de l’Autonomie à partir de 2026)"
_NC_LAW = "Droit du travail de Nouvelle-Calédonie, accord interprofessionnel territorial, article 74"
_WF_ORDER = "Arrêté annuel du préfet de Wallis-et-Futuna (arrêté 2022-1071 du 28 décembre 2022)"
# The article itself still printed 27 May in 2019; the prefecture holds 28 May to be the holiday.
_MF_2018 = f"{_L3422_2} ; loi 2017-256 du 28 février 2017, circulaire du 4 mai 2018, choix de la Collectivité"
_DECREE_2012 = f"{_L3422_2} ; décret 2012-553 du 23 avril 2012"

_LOCAL: dict[Territory, tuple[HolidayRule, ...]] = {
    Territory.FR: (),
    # Good Friday holds in communes with a Protestant or a mixed church; elsewhere the site removes it.
    Territory.AM: (
        _easter("good_friday", "Vendredi saint", f"{_L3134_13}, communes ayant un temple ou une église mixte", -2),
        _fixed("saint_stephen", "Saint-Étienne", _L3134_13, 26, 12),
    ),
    Territory.YT: (_abolition(27, 4),),
    Territory.MQ: (_abolition(22, 5),),
    Territory.GP: (_abolition(27, 5),),
    Territory.GF: (_abolition(10, 6),),
    Territory.RE: (_abolition(20, 12),),
    # Both islands followed Guadeloupe until they had a date of their own.
    Territory.BL: (
        _abolition(27, 5, until=date(2012, 4, 24), source=_DECREE_1983),
        _abolition(9, 10, since=date(2012, 4, 25), source=_DECREE_2012),
    ),
    Territory.MF: (
        _abolition(27, 5, until=date(2017, 12, 31)),
        _abolition(28, 5, since=date(2018, 1, 1), source=_MF_2018),
    ),
    Territory.PM: (),  # the national list, nothing of its own
    Territory.PF: (
        _fixed("gospel_arrival", "Arrivée de l’Évangile", _PF_CODE, 5, 3),
        _easter("good_friday", "Vendredi saint", _PF_CODE, -2),
        HolidayRule(
            code="autonomy",
            name="Fête de l’Autonomie",
            source=_PF_CODE,
            month=6,
            day=29,
            valid_from=date(1985, 1, 1),
            valid_to=date(2025, 12, 31),
        ),
        HolidayRule(code="matarii", name="Matari’i", source=_PF_2025, month=11, day=20, valid_from=date(2026, 1, 1)),
    ),
    Territory.NC: (_fixed("citizenship", "Fête de la Citoyenneté", _NC_LAW, 24, 9),),
    Territory.WF: (
        _fixed("saint_pierre_chanel", "Saint-Pierre-Chanel", _WF_ORDER, 28, 4),
        _fixed("saints_peter_paul", "Saints Pierre et Paul", _WF_ORDER, 29, 6),
        _fixed("territory_day", "Fête du Territoire", _WF_ORDER, 29, 7),
    ),
}


@cache
def statutory_holidays(territory: Territory) -> HolidayCalendar:
    """Return the territory's statutory holidays, without any override."""
    return HolidayCalendar(territory, _NATIONAL + _LOCAL[territory])
