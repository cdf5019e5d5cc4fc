"""The lists of the private network, and the words for its gateways, counters and refusals."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from django.db.models import DateTimeField, ExpressionWrapper, F, QuerySet, Value
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.kernel.calendars import zone_named
from cadran.lorawan.codec import eu868
from cadran.lorawan.counters import RefusalReason
from cadran.lorawan.models import Gateway, Refusal
from cadran.ui import times
from cadran.ui.icons import State, badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.lists.declare import Rows, Words
from cadran.ui.lists.table import cell_words

# --- gateways -------------------------------------------------------------------------------------------------------


def gateway_state(gateway: Gateway, now: datetime) -> tuple[State, Words]:
    """Return whether a gateway is heard: shape and word."""
    if gateway.equipment.retired_on is not None:
        return State.OFF, _("Retirée")
    if gateway.last_seen_at is None:
        return State.UNKNOWN, _("Jamais vue")
    if now - gateway.last_seen_at > timedelta(seconds=gateway.silent_after_s):
        return State.LATE, _("Muette")
    return State.OK, _("En ligne")


def figure(gateway: Gateway, key: str) -> float | None:
    """Return a number of the gateway's last self-description, nothing when it did not say."""
    value = gateway.last_stat.get(key)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def received_percent(gateway: Gateway) -> float | None:
    """Return the share of frames received with a right CRC, in percent, since the gateway's last start."""
    received, right = figure(gateway, "rxnb"), figure(gateway, "rxok")
    return 100 * right / received if received and right is not None else None


def percent_words(value: float | None) -> str:
    """Return "98,2 %", or a dash when unknown."""
    return "—" if value is None else f"{times.number(value, 1)}{times.THIN}%"


class Gateways(Liste):
    """Every gateway the reader may see."""

    name = "passerelles"
    caption = gettext_lazy("Passerelles")
    default_sort = "nom"
    live = "gateway alarm"
    select_related = ("equipment__site", "owner")
    empty = Empty(
        title=gettext_lazy("Aucune passerelle dans votre périmètre"),
        text=gettext_lazy("Une passerelle apparaît ici dès que le titulaire l’a posée et acceptée sur le réseau."),
    )

    def __init__(self, *, now: datetime, owners: bool) -> None:
        self.columns = (
            Column(key="nom", label=_("Passerelle"), value="equipment.name", sort="equipment__name", row_header=True,
                   link=_gateway_url),
            Column(
                key="etat",
                label=_("État"),
                value=lambda gateway: str(gateway_state(gateway, now)[1]),
                show=lambda gateway: badge(*gateway_state(gateway, now)),
            ),
            Column(key="vue", label=_("Vue le"), value="last_seen_at", show=_seen, sort="last_seen_at", nullable=True,
                   numeric=True),
            *([_owner_column()] if owners else []),
            Column(key="site", label=_("Site"), value="equipment.site.name", sort="equipment__site__name"),
            Column(key="recues", label=_("Trames reçues sans erreur"), value=received_percent, show=_received,
                   numeric=True),
            Column(key="acquittees", label=_("Envois acquittés"), value=lambda one: figure(one, "ackr"),
                   show=_acknowledged, numeric=True),
            Column(key="temperature", label=_("Température (°C)"), value=lambda one: figure(one, "temp"), numeric=True),
            Column(key="eui", label=_("EUI-64"), value="eui", sort="eui", export_only=True),
        )  # fmt: skip
        self.filters = (
            Text(name="q", label=_("Nom ou EUI contient"), fields=("equipment__name", "eui")),
            Text(name="site", label=_("Site contient"), fields=("equipment__site__name", "equipment__site__code")),
            Choice(
                name="etat",
                label=_("État"),
                choices=(("ligne", _("En ligne")), ("muette", _("Muettes")), ("jamais", _("Jamais vues"))),
                where=lambda rows, value: _by_state(rows, value, now),
            ),
        )

    def row_class(self, row: Any) -> str:
        """Nothing: the state's own shape says it, and it depends on the instant."""
        return ""


def _owner_column() -> Column:
    return Column(key="beneficiaire", label=_("Bénéficiaire"), value="owner.name", sort="owner__name")


def _gateway_url(gateway: Gateway) -> str:
    return reverse("lorawan:gateway", args=[gateway.pk])


def _seen(gateway: Gateway) -> object:
    if gateway.last_seen_at is None:
        return cell_words(None)
    return times.time_html(gateway.last_seen_at, zone=zone_named(gateway.equipment.site.zone), short=True)


def _received(gateway: Gateway) -> str:
    return percent_words(received_percent(gateway))


def _acknowledged(gateway: Gateway) -> str:
    return percent_words(figure(gateway, "ackr"))


def _by_state(rows: Rows, value: str, now: datetime) -> Rows:
    assert isinstance(rows, QuerySet)
    # last sign of life + silence < now, written so that one number a row is multiplied, not an interval
    due = ExpressionWrapper(
        Value(now) - F("silent_after_s") * Value(timedelta(seconds=1)), output_field=DateTimeField()
    )
    match value:
        case "ligne":
            return rows.filter(last_seen_at__gte=due)
        case "muette":
            return rows.filter(last_seen_at__lt=due)
    return rows.filter(last_seen_at__isnull=True)


# --- radio quality --------------------------------------------------------------------------------------------------

# What each data rate needs to be understood, DR0 (SF12) to DR6 (SF7 at 250 kHz), in dB (SX1276 datasheet 4.1.1.2).
NEEDED_SNR_DB: Final = (-20.0, -17.5, -15.0, -12.5, -10.0, -7.5, -7.5)
GOOD_MARGIN_DB: Final = 10.0  # the margin adaptive data rate aims at: rain, leaves and a closed door cost a few dB
POOR_MARGIN_DB: Final = 3.0


def quality(snr_db: float, data_rate: int) -> tuple[State, str]:
    """Return how safely a device is heard, from the margin above what its data rate needs; FSK (DR7) has none."""
    if data_rate >= len(NEEDED_SNR_DB):
        return State.INFO, _("Sans mesure")
    margin = snr_db - NEEDED_SNR_DB[data_rate]
    if margin >= GOOD_MARGIN_DB:
        return State.OK, _("Bonne")
    return (State.RISK, _("Limite")) if margin >= POOR_MARGIN_DB else (State.LATE, _("Faible"))


def data_rate_words(data_rate: int) -> str:
    """Return "SF7, 125 kHz" for a data rate index of the EU868 plan."""
    rate = eu868.DATA_RATES[data_rate] if 0 <= data_rate < len(eu868.DATA_RATES) else None
    if isinstance(rate, eu868.LoraRate):
        return f"SF{rate.spreading_factor}, {rate.bandwidth_hz // 1000}{times.THIN}kHz"
    return "FSK" if rate else f"DR{data_rate}"


# --- counters -------------------------------------------------------------------------------------------------------

COUNTERS: Final[tuple[tuple[Words, tuple[tuple[str, Words], ...]], ...]] = (
    (
        gettext_lazy("Passerelles"),
        (
            ("datagrams", gettext_lazy("Datagrammes reçus")),
            ("push_data", gettext_lazy("Envois de trames ou d’état (PUSH_DATA)")),
            ("pull_data", gettext_lazy("Maintien de la voie descendante (PULL_DATA)")),
            ("tx_ack", gettext_lazy("Comptes rendus d’émission (TX_ACK)")),
            ("kernel_drops", gettext_lazy("Datagrammes perdus par le système, tampon plein")),
        ),
    ),
    (
        gettext_lazy("Trames montantes"),
        (
            ("receptions", gettext_lazy("Copies reçues, toutes passerelles")),
            ("frames", gettext_lazy("Trames après dédoublonnage")),
            ("uplinks", gettext_lazy("Trames acceptées")),
            ("retransmissions", gettext_lazy("Répétitions d’une trame déjà reçue")),
            ("late_copies", gettext_lazy("Copies arrivées trop tard")),
            ("counter_resets", gettext_lazy("Compteurs repartis de zéro")),
            ("uplinks_lost", gettext_lazy("Trames perdues, file pleine")),
            ("faults", gettext_lazy("Erreurs inattendues (voir le journal du serveur)")),
        ),
    ),
    (
        gettext_lazy("Activations et descendantes"),
        (
            ("join_requests", gettext_lazy("Demandes d’activation")),
            ("joins", gettext_lazy("Activations accordées")),
            ("downlinks_wanted", gettext_lazy("Réponses à envoyer")),
            ("downlinks_sent", gettext_lazy("Réponses envoyées")),
            ("downlinks_failed", gettext_lazy("Réponses impossibles (refus, fenêtre ou temps d’antenne)")),
            ("acks_withheld", gettext_lazy("Acquittements retenus faute d’écriture à temps")),
        ),
    ),
    (
        gettext_lazy("En mémoire"),
        (
            ("devices", gettext_lazy("Équipements connus")),
            ("sessions", gettext_lazy("Sessions ouvertes")),
            ("gateways", gettext_lazy("Passerelles enregistrées")),
            ("unknown_gateways", gettext_lazy("Passerelles inconnues entendues")),
        ),
    ),
)
# Above zero, somebody should look.
WORRYING: Final = frozenset({"kernel_drops", "uplinks_lost", "faults", "downlinks_failed", "acks_withheld"})


# --- refusals -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Meaning:
    """A reason of refusal for a person: its name, who is named, what it means, what to do."""

    label: Words
    sender: Words
    means: Words
    remedy: Words


_GATEWAY: Final = gettext_lazy("passerelle (EUI)")
_ADDRESS: Final = gettext_lazy("adresse radio (DevAddr)")
_DEVICE: Final = gettext_lazy("équipement (DevEUI)")
MEANINGS: Final[Mapping[str, Meaning]] = {
    RefusalReason.MALFORMED_DATAGRAM: Meaning(
        gettext_lazy("Datagramme illisible"), gettext_lazy("adresse IP"),
        gettext_lazy("Ce qui arrive sur le port UDP ne suit pas le protocole des passerelles Semtech."),
        gettext_lazy("Vérifiez quel appareil émet depuis cette adresse ; filtrez-la si ce n’est pas une passerelle."),
    ),
    RefusalReason.UNKNOWN_GATEWAY: Meaning(
        gettext_lazy("Passerelle inconnue"), _GATEWAY,
        gettext_lazy("Une passerelle parle au serveur sans être enregistrée : ses trames sont ignorées."),
        gettext_lazy("Enregistrez-la avec cet EUI si elle est à vous, sinon corrigez le serveur qu’elle vise."),
    ),
    RefusalReason.MALFORMED_PACKET: Meaning(
        gettext_lazy("Paquet de passerelle illisible"), _GATEWAY,
        gettext_lazy("La passerelle est connue, mais une trame qu’elle rapporte est mal formée."),
        gettext_lazy("Mettez à jour son logiciel (packet forwarder)."),
    ),
    RefusalReason.CRC_FAILED: Meaning(
        gettext_lazy("Trame abîmée à la réception"), _GATEWAY,
        gettext_lazy("Le contrôle d’erreur d’une trame entendue est faux ; quelques pertes sont normales."),
        gettext_lazy("Si leur part grandit, cherchez un brouillage ou une antenne mal branchée."),
    ),
    RefusalReason.UNSUPPORTED_DATA_RATE: Meaning(
        gettext_lazy("Débit radio inconnu"), _GATEWAY,
        gettext_lazy("Le débit annoncé n’existe pas dans le plan européen EU868."),
        gettext_lazy("Vérifiez la région configurée sur la passerelle."),
    ),
    RefusalReason.QUEUE_FULL: Meaning(
        gettext_lazy("File pleine"), _GATEWAY,
        gettext_lazy("Le serveur recevait plus vite qu’il n’écrivait : la trame n’a pas été acquittée."),
        gettext_lazy("Vérifiez la base de données (cadran doctor) et la charge de la machine."),
    ),
    RefusalReason.MALFORMED_FRAME: Meaning(
        gettext_lazy("Trame LoRaWAN illisible"), _GATEWAY,
        gettext_lazy("La trame n’a pas la forme d’une trame LoRaWAN : souvent un autre usage de la bande."),
        gettext_lazy("Rien à faire si c’est rare."),
    ),
    RefusalReason.NOT_AN_UPLINK: Meaning(
        gettext_lazy("Trame descendante entendue"), _GATEWAY,
        gettext_lazy("La passerelle a entendu une trame d’une autre passerelle, pas d’un équipement."),
        gettext_lazy("Rien à faire."),
    ),
    RefusalReason.UNKNOWN_DEV_ADDR: Meaning(
        gettext_lazy("Équipement d’un autre réseau"), _ADDRESS,
        gettext_lazy("Aucune session n’a cette adresse : un voisin, ou un équipement activé sur un autre serveur."),
        gettext_lazy("Si c’est l’un des vôtres, redémarrez-le pour qu’il s’active à nouveau."),
    ),
    RefusalReason.WRONG_MIC: Meaning(
        gettext_lazy("Signature fausse"), _ADDRESS,
        gettext_lazy("L’adresse est connue, mais la trame n’est pas signée par la clé de la session."),
        gettext_lazy("Un autre réseau emploie cette adresse, ou l’équipement a perdu sa session : redémarrez-le. "
                     "Répétée sur un seul équipement, tenez-la pour une tentative d’intrusion."),
    ),
    RefusalReason.REPLAYED: Meaning(
        gettext_lazy("Trame rejouée"), _DEVICE,
        gettext_lazy("Une trame authentique mais déjà reçue est revenue : écho d’une passerelle lente, ou attaque."),
        gettext_lazy("Si cela dure, cherchez une passerelle dont l’horloge ou le réseau retarde."),
    ),
    RefusalReason.JOIN_UNKNOWN_DEVICE: Meaning(
        gettext_lazy("Équipement inconnu demande à s’activer"), _DEVICE,
        gettext_lazy("Son DevEUI n’est pas enregistré."),
        gettext_lazy("Enregistrez-le avec sa clé s’il est à vous ; vérifiez le DevEUI lu sur l’étiquette."),
    ),
    RefusalReason.JOIN_WRONG_JOIN_EUI: Meaning(
        gettext_lazy("JoinEUI différent"), _DEVICE,
        gettext_lazy("L’équipement est connu, mais annonce un autre JoinEUI que celui enregistré."),
        gettext_lazy("Corrigez le JoinEUI (AppEUI) de l’équipement ou celui de sa fiche."),
    ),
    RefusalReason.JOIN_WRONG_MIC: Meaning(
        gettext_lazy("Clé d’activation fausse"), _DEVICE,
        gettext_lazy("La demande n’est pas signée par la clé AppKey enregistrée."),
        gettext_lazy("Demandez la bonne clé au fabricant et enregistrez-la ; elle ne s’affichera jamais."),
    ),
    RefusalReason.JOIN_NONCE_USED: Meaning(
        gettext_lazy("Numéro d’activation déjà employé"), _DEVICE,
        gettext_lazy("Il réemploie un DevNonce : il a oublié les précédents, ou quelqu’un rejoue sa demande."),
        gettext_lazy("Un équipement 1.0.3 finit par en tirer un neuf ; un 1.0.4 doit garder son compteur."),
    ),
    RefusalReason.JOIN_NONCES_SPENT: Meaning(
        gettext_lazy("Numéros d’activation épuisés"), _DEVICE,
        gettext_lazy("Le serveur a donné tous les numéros (JoinNonce) permis à cet équipement."),
        gettext_lazy("Enregistrez-le à nouveau avec une clé neuve."),
    ),
    RefusalReason.JOIN_NOT_STORED: Meaning(
        gettext_lazy("Activation non enregistrée"), _DEVICE,
        gettext_lazy("La session n’a pas pu être écrite à temps : elle n’a pas été accordée."),
        gettext_lazy("L’équipement redemandera ; vérifiez la base de données (cadran doctor)."),
    ),
}  # fmt: skip


def meaning_of(reason: str) -> Meaning:
    """Return what a reason means; a reason this version does not know says so."""
    return MEANINGS.get(
        reason, Meaning(reason, _("émetteur"), _("Motif inconnu de cette version."), _("Mettez Cadran à jour."))
    )


class Refusals(Liste):
    """What the network server refused, by day, reason and sender."""

    name = "refus"
    caption = gettext_lazy("Trames refusées, par jour, motif et émetteur")
    default_sort = "-jour"
    filters = (
        Choice(
            name="motif",
            label=gettext_lazy("Motif"),
            choices=[(str(reason), meaning.label) for reason, meaning in MEANINGS.items()],
            where="reason",
        ),
        Text(name="emetteur", label=gettext_lazy("Émetteur contient"), fields=("subject",)),
    )
    empty = Empty(
        title=gettext_lazy("Aucun refus"),
        text=gettext_lazy("Tout ce que les passerelles ont transmis sur la période a été accepté."),
    )

    def __init__(self) -> None:
        self.columns = (
            Column(key="motif", label=_("Motif"), value=_reason, sort="reason", row_header=True),
            Column(key="emetteur", label=_("Émetteur"), value="subject", show=_subject, sort="subject"),
            Column(key="nombre", label=_("Nombre"), value="count", sort="count", numeric=True),
            Column(key="jour", label=_("Jour (UTC)"), value="day", sort="day"),
            Column(key="dernier", label=_("Dernière fois"), value="last_at", sort="last_at"),
        )


def _reason(refusal: Refusal) -> str:
    return str(meaning_of(refusal.reason).label)


def _subject(refusal: Refusal) -> SafeString | str:
    return refusal.subject or _("trop d’émetteurs : non détaillé")
