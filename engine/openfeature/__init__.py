"""What an application imports to take part in an experiment: exposures and events of its users, sent away.

    from openfeature import api
    from engine.openfeature import ExposureHook, Sender, Tracker

    sender = Sender("http://127.0.0.1:8484")
    api.set_provider(Tracker(provider, sender))
    api.add_hooks([ExposureHook(sender)])

Nothing in here ever makes the application wait or fail.
"""

from engine.openfeature.hook import ExposureHook
from engine.openfeature.sender import Sender
from engine.openfeature.tracker import Tracker

__all__ = ["ExposureHook", "Sender", "Tracker"]
