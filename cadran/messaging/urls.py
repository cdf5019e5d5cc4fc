"""Addresses of the messaging room."""

from django.urls import path

from cadran.messaging import views

app_name = "messaging"
urlpatterns = [
    path("notifications/", views.notifications, name="notifications"),
    path("notifications/tout-lire/", views.read_all, name="read-all"),
    path("notifications/<int:notification_id>/lire/", views.read_one, name="read"),
    path("courrier/", views.mailbox, name="mailbox"),
    path("courrier/<int:mail_id>/", views.mail, name="mail"),
]
