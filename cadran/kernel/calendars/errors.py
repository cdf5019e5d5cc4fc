"""The one error of the calendars."""


class CalendarError(ValueError):
    """A calendar, an instant or a delay that cannot be used; the message is French and says what to do."""
