"""The one exception of the site."""


class SiteError(RuntimeError):
    """The book could not be assembled, rendered or completed; the message is one line."""
