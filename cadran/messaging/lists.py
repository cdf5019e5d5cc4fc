"""Lists of the messaging room."""

from __future__ import annotations

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cadran.messaging.models import Mail, Notification
from cadran.ui.icons import State, badge
from cadran.ui.lists import Choice, Column, Empty, Liste, Text
from cadran.ui.lists.declare import Rows

DELIVERIES = {
    Mail.Delivery.WAITING: State.WAIT,
    Mail.Delivery.SENT: State.OK,
    Mail.Delivery.MAILBOX: State.INFO,
    Mail.Delivery.GIVEN_UP: State.LATE,
}


def _unread(rows: Rows, typed: str) -> Rows:
    assert isinstance(rows, QuerySet)
    return rows.filter(read_at__isnull=typed == "non")


def _title(row: Notification) -> SafeString:
    url = reverse("messaging:read", args=[row.pk])
    body = format_html('<br><span class="eyebrow">{}</span>', row.body) if row.body else ""
    return format_html('<a href="{}">{}</a>{}', url, row.title, body)


def _state(row: Notification) -> SafeString:
    return badge(State.OFF, _("lue")) if row.read_at else badge(State.INFO, _("à lire"))


class Notifications(Liste):
    """The reader's notifications, newest first."""

    name = "notifications"
    caption = gettext_lazy("Notifications")
    default_sort = "-recue"
    live = "notification"
    columns = (
        Column(key="titre", label=gettext_lazy("Notification"), value="title", show=_title, row_header=True),
        Column(key="etat", label=gettext_lazy("État"), value=lambda row: row.read_at is not None, show=_state),
        Column(key="recue", label=gettext_lazy("Reçue le"), value="created_at", sort="id", numeric=True),
    )  # fmt: skip
    filters = (
        Text(name="q", label=gettext_lazy("Texte"), fields=("title", "body")),
        Choice(name="lue", label=gettext_lazy("Lecture"), where=_unread,
               choices=[("non", gettext_lazy("À lire")), ("oui", gettext_lazy("Lues"))]),
    )  # fmt: skip
    empty = Empty(
        title=gettext_lazy("Aucune notification"),
        text=gettext_lazy("Ce qui vous concerne arrivera ici, et par courriel si vous l’avez demandé."),
    )


class Mailbox(Liste):
    """Outgoing mail, newest first."""

    name = "courrier"
    caption = gettext_lazy("Courrier sortant")
    default_sort = "-cree"
    columns = (
        Column(key="objet", label=gettext_lazy("Objet"), value="subject", row_header=True,
               link=lambda row: reverse("messaging:mail", args=[row.pk])),
        Column(key="destinataire", label=gettext_lazy("Destinataire"), value="recipient", sort="recipient"),
        Column(key="etat", label=gettext_lazy("Remise"), value=lambda row: row.get_delivery_display(),
               show=lambda row: badge(DELIVERIES[Mail.Delivery(row.delivery)], row.get_delivery_display())),
        Column(key="cree", label=gettext_lazy("Écrit le"), value="created_at", sort="id", numeric=True),
    )  # fmt: skip
    filters = (
        Text(name="q", label=gettext_lazy("Objet ou destinataire"), fields=("subject", "recipient")),
        Choice(name="etat", label=gettext_lazy("Remise"), choices=Mail.Delivery.choices, where="delivery"),
    )
    empty = Empty(title=gettext_lazy("Aucun courrier"), text=gettext_lazy("Aucun courriel n’est encore parti."))
