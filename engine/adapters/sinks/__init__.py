"""The built-in sinks: they tell people and programs about runs. Each makes one attempt and retries nothing.

They load through entry points like third-party ones; nothing imports them by name.
"""

from engine.adapters.sinks.email import EmailSink
from engine.adapters.sinks.slack import SlackSink
from engine.adapters.sinks.webhook import WebhookSink

__all__ = ["EmailSink", "SlackSink", "WebhookSink"]
