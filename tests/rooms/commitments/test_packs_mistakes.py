"""What a mistake in ``service_levels.yaml`` or ``penalties.yaml`` says: its line, its problem, its remedy."""

from __future__ import annotations

from pathlib import Path

import pytest

from cadran.commitments.packs import load_penalties, load_service_levels
from cadran.commitments.rules import FactKind
from cadran.parties.packs import load_agreement
from tests.support.packs import TELECOMS, Damage, assert_refused


def both_files(directory: Path) -> None:
    agreement = load_agreement(directory)
    load_service_levels(directory, agreement)
    load_penalties(directory, agreement)


LEVELS, PENALTIES = "service_levels.yaml", "penalties.yaml"
FIRST_GTI = "    gti:\n      minutes: 60\n"
DAMAGES = {
    "another agreement": Damage(
        LEVELS,
        "agreement: 2024_AOO_TELECOMS",
        "agreement: 2024_AOO_IOT",
        "ce fichier est celui de l'accord-cadre « 2024_AOO_IOT »",
        "Écrivez « agreement: 2024_AOO_TELECOMS », ou déplacez le fichier dans son répertoire.",
    ),
    "delay without a source": Damage(
        LEVELS,
        '      minutes: 720\n      printed: "< 12h"\n      article: CCTP TEL 6.1.5\n',
        '      minutes: 720\n      printed: "< 12h"\n',
        "« delays.2.gtr » ne cite aucun article",
        "Ajoutez « article: CCTP TEL … », ou « origin: setting » et « reason: … ».",
        offset=-1,
    ),
    "figure other than printed": Damage(
        LEVELS,
        FIRST_GTI,
        "    gti:\n      minutes: 600\n",
        "« delays.1.gti » vaut 600 minutes, le texte imprimé dit « < 1h (HO) Option 24h/7j »",
        "Écrivez « minutes: 60 », ou recopiez le texte de l'article.",
        offset=1,
    ),
    "working days other than printed": Damage(
        LEVELS,
        "working_days: 5\n      printed",
        "working_days: 4\n      printed",
        "vaut 4 jours, le texte imprimé dit « < 5 jours ouvrés »",
        "Écrivez « working_days: 5 », ou recopiez le texte de l'article.",
    ),
    "no budget": Damage(
        LEVELS,
        FIRST_GTI,
        "    gti:\n",
        "« delays.1.gti » n'a pas un délai et un seul",
        "Écrivez « minutes: … » ou « working_days: … », pas les deux.",
    ),
    "two budgets": Damage(
        LEVELS,
        FIRST_GTI,
        "    gti:\n      minutes: 60\n      working_days: 1\n",
        "« delays.1.gti » n'a pas un délai et un seul",
        "Écrivez « minutes: … » ou « working_days: … », pas les deux.",
    ),
    "a type without delays": Damage(
        LEVELS,
        "  - class: advanced\n    type: mineur\n",
        "  - class: advanced\n    type: bloquant\n",
        "« advanced / bloquant » est écrit deux fois",
        "Retirez l'un des deux, ou changez son nom.",
    ),
    "a class without delays": Damage(
        LEVELS,
        "  - {code: advanced, label: Services avancés, option_24_7: included, article: CCTP TEL 6.1.5}\n",
        "",
        "le lot 2 est de classe « advanced », absente de « classes »",
        "Ajoutez la classe, ou corrigez celle du lot 2 dans agreement.yaml.",
        offset=-2,
    ),
    "negative minutes": Damage(
        LEVELS,
        FIRST_GTI,
        "    gti:\n      minutes: -60\n",
        "« delays.1.gti.minutes »",
        "Écrivez un nombre entier >= 1.",
        offset=1,
    ),
    "a calendar chosen without a reason": Damage(
        LEVELS,
        "        same_as: gti\n        source: chosen\n"
        "        reason: HO n'est imprimé qu'à côté de deux GTI ; par défaut, le calendrier de l'option de GTI"
        " retenue.\n",
        "        same_as: gti\n        source: chosen\n",
        "« delays.1.gtr.hours » est choisi sans dire pourquoi",
        "Ajoutez « reason: … » à côté de « source: chosen ».",
        offset=-1,
    ),
    "a GTI on its own calendar": Damage(
        LEVELS,
        '        base: HO\n        option: "24/7"\n        source: stated\n',
        "        same_as: gti\n        source: stated\n",
        "« delays.1.gti.hours » ne peut pas reprendre le calendrier de la GTI",
        "Écrivez « base: HO ».",
        offset=-1,
    ),
    "two calendars": Damage(
        LEVELS,
        '        base: HO\n        option: "24/7"\n        source: stated\n',
        "        base: HO\n        same_as: gti\n        source: stated\n",
        "« delays.1.gti.hours » n'a pas un calendrier et un seul",
        "Écrivez « base: … » ou « same_as: gti », pas les deux.",
        offset=-1,
    ),
    "an option already included": Damage(
        LEVELS,
        'hours: {base: "24/7", source: stated}',
        'hours: {base: HO, option: "24/7", source: stated}',
        "« delays.4.gti.hours » offre une option que la classe comprend déjà",
        "Retirez « option » et écrivez son calendrier dans « base ».",
    ),
    "hours nobody described": Damage(
        LEVELS,
        '  - {code: "24/7", label: "24 heures sur 24, 7 jours sur 7", article: CCTP TEL 6.1.5}\n',
        "",
        "les horaires « 24/7 » ne sont pas décrits dans « windows »",
        "Ajoutez-les à « windows », ou choisissez parmi : HO, 8-18-6/7.",
        at='        option: "24/7"',
    ),
    "hours that do not exist": Damage(
        LEVELS,
        '        base: HO\n        option: "24/7"\n        source: stated\n',
        '        base: 9-17\n        option: "24/7"\n        source: stated\n',
        "la valeur '9-17' n’est pas admise",
        "Choisissez parmi : 24/7, 8-18-6/7, HO.",
    ),
    "hours of an unknown lot": Damage(
        LEVELS,
        "  - lot: 10\n",
        "  - lot: 12\n",
        "le lot 12 n'existe pas",
        "Choisissez parmi les lots 1, 2, 3, 4, 5, 6, 7, 8, 9, 10.",
    ),
    "a criterion twice": Damage(
        LEVELS,
        "      - code: integrity_damaged\n",
        "      - code: complete_stop\n",
        "le critère « complete_stop » est écrit deux fois",
        "Donnez à chaque critère un code à lui.",
    ),
    "two fallbacks": Damage(
        LEVELS,
        "    fallback: false\n",
        "    fallback: true\n",
        "2 types portent « fallback: true »",
        "Mettez « fallback: true » au seul type qui reçoit les incidents sans critère.",
        at="incident_types:",
    ),
    "a pair twice": Damage(
        LEVELS,
        "{type: mineur, priority: P1, use: allowed",
        "{type: mineur, priority: P2, use: allowed",
        "« mineur-P2 » est écrit deux fois",
        "Retirez l'un des deux, ou changez son nom.",
    ),
    "two default priorities": Damage(
        LEVELS,
        "{type: mineur, priority: P1, use: allowed",
        "{type: mineur, priority: P1, use: default",
        "le type « mineur » a 2 priorités par défaut",
        "Écrivez « use: default » à un seul couple du type mineur.",
        at="pairs:",
    ),
    "an exception without its case": Damage(
        LEVELS,
        "{type: mineur, priority: P1, use: allowed",
        "{type: mineur, priority: P1, use: exceptional",
        "le couple mineur-P1 est exceptionnel sans dire quand",
        "Ajoutez « reason: … » : ce qui justifie l'exception.",
    ),
    "an unknown priority": Damage(
        LEVELS,
        "{type: bloquant, priority: P0,",
        "{type: bloquant, priority: P9,",
        "la valeur 'P9' n’est pas admise",
        "Choisissez parmi : P0, P1, P2.",
    ),
    "an unknown fact": Damage(
        LEVELS,
        "value: [restored]",
        "value: [repaired]",
        "la valeur 'repaired' n’est pas admise",
        "Choisissez parmi : " + ", ".join(FactKind) + ".",
    ),
    "an acknowledgement that stops the GTI": Damage(
        LEVELS,
        "  stops_gti:\n    value: false",
        "  stops_gti:\n    value: true",
        "« acknowledgement.stops_gti » et « clock.gti.stops_on » ne disent pas la même chose",
        "Mettez les deux d'accord : l'accusé de réception arrête la GTI, ou ne l'arrête pas.",
    ),
    "a pause reason without a reason": Damage(
        LEVELS,
        "    origin: setting\n"
        "    reason: La liste contractuelle n'est pas fournie ; cause d'exonération du droit commun.\n",
        "    origin: setting\n",
        "« pauses.6 » est un réglage sans raison",
        "Ajoutez « reason: … » : pourquoi cette valeur et pas une autre.",
        offset=-4,
    ),
    "a commitment below the floor": Damage(
        LEVELS,
        "  commitments: []",
        '  commitments:\n    - {lot: 1, percent: "99.84", article: CCTP TEL 9.2.1}',
        "le lot 1 s'engage à 99.84 %, sous le plancher de 99.85 %",
        "Engagez au moins 99.85 % (CCTP TEL 5.8).",
        offset=1,
    ),
    "an advanced lot no better than its standard one": Damage(
        LEVELS,
        "  commitments: []",
        '  commitments:\n    - {lot: 1, percent: "99.9", article: CCTP TEL 9.2.1}\n'
        '    - {lot: 2, percent: "99.9", article: CCTP TEL 10.2.2}',
        "le lot 2 s'engage à 99.9 %, pas mieux que le lot 1 compris",
        "Engagez plus de 99.9 % (CCTP TEL 10).",
        offset=2,
    ),
    "more than all the time": Damage(
        LEVELS,
        "  commitments: []",
        '  commitments:\n    - {lot: 8, percent: "100.5", article: CCTP TEL 16.2}',
        "« availability.commitments.1.percent » vaut 100.5 %",
        "Écrivez un pourcentage de 0 à 100.",
        offset=1,
    ),
    "network access without a floor": Damage(
        LEVELS,
        '    percent: "99.85"',
        "    percent: null",
        "le lot 1 comporte des accès réseau, et aucun plancher n'est fixé",
        "Écrivez le taux minimal, ou « network_access: false » au lot dans agreement.yaml.",
    ),
    "a penalty twice": Damage(
        PENALTIES,
        "  - event: delivery_late\n",
        "  - event: quote_late\n",
        "« quote_late » est écrit deux fois",
        "Retirez l'un des deux, ou changez son nom.",
    ),
    "a percentage without its value": Damage(
        PENALTIES,
        "formula: {kind: legal_default,",
        "formula: {kind: percent,",
        "« penalties.1.formula » est de sorte « percent » sans valeur",
        "Ajoutez « value: … », ou écrivez « kind: legal_default ».",
    ),
    "a percentage beyond the whole": Damage(
        PENALTIES,
        "formula: {kind: legal_default,",
        "formula: {kind: percent, value: 120,",
        "« penalties.1.formula.value » vaut 120 %",
        "Écrivez un pourcentage de 0 à 100.",
    ),
    "a value that would not serve": Damage(
        PENALTIES,
        "cap: {kind: legal_default,",
        "cap: {kind: none, value: 5,",
        "sa valeur ne servirait pas",
        "Retirez « value », ou écrivez « kind: percent ».",
    ),
    "a penalty without a source": Damage(
        PENALTIES,
        "divisor: {value: 1000, article: CCAG-TIC 14.1}",
        "divisor: {value: 1000}",
        "« legal_default.divisor » ne cite aucun article",
        "Ajoutez « article: CCTP TEL … », ou « origin: setting » et « reason: … ».",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES.keys())
def test_a_mistake_is_named_with_its_line_and_remedy(damage: Damage, tmp_path: Path) -> None:
    assert_refused(damage, tmp_path, both_files)


def test_a_missing_line_of_the_table_is_named(tmp_path: Path) -> None:
    text = (TELECOMS / LEVELS).read_text(encoding="utf-8")
    start = text.index("  - class: advanced\n    type: mineur\n")
    damage = Damage(
        LEVELS,
        text[start : text.index("\n# --- What starts and stops")],
        "",
        "la classe « advanced » n'a pas de délais pour le type « mineur »",
        "Ajoutez la ligne « class: advanced », « type: mineur », gti et gtr.",
        at="delays:\n",
    )
    assert_refused(damage, tmp_path, both_files)
