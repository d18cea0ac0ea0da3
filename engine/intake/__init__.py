"""Exposures and events of users: what they are, and what is wrong with one. Reads and sends nothing."""

from engine.intake.port import Forgotten, Intake, Old, Swept
from engine.intake.records import (
    EXPOSURE_SOURCE,
    Exposure,
    Occurrence,
    Record,
    Unfit,
    dimension_text,
    experiment_of,
    exposure_id,
    is_dimension,
    is_exposure,
)
from engine.intake.seen import Seen

__all__ = [
    "EXPOSURE_SOURCE",
    "Exposure",
    "Forgotten",
    "Intake",
    "Occurrence",
    "Old",
    "Record",
    "Seen",
    "Swept",
    "Unfit",
    "dimension_text",
    "experiment_of",
    "exposure_id",
    "is_dimension",
    "is_exposure",
]
