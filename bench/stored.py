"""Outcomes and run records as plain data and back; what an earlier version wrote is brought up to date on the way."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, TypeVar

import msgspec

from bench.errors import StoreError
from bench.outcome import Outcome, RunRecord

SCHEMA = 4
"""Raised when a field is added, goes or changes meaning, together with a migration."""

Data = dict[str, Any]
_Stored = TypeVar("_Stored", Outcome, RunRecord)


def to_json(value: Outcome | RunRecord) -> Data:
    """Plain data for ``json.dumps``, with the schema version."""
    return {"schema": SCHEMA, **asdict(value)}


def outcome_from_json(data: Mapping[str, Any]) -> Outcome:
    """Inverse of ``to_json`` for an outcome; StoreError for a schema of the future or fields that do not fit."""
    return _read(data, Outcome, "an outcome", _OUTCOME_MIGRATIONS)


def record_from_json(data: Mapping[str, Any]) -> RunRecord:
    """Inverse of ``to_json`` for a run's record; StoreError for a schema of the future or fields that do not fit."""
    return _read(data, RunRecord, "a run record", _RECORD_MIGRATIONS)


def _read(
    data: Mapping[str, Any], kind: type[_Stored], noun: str, migrations: Mapping[int, Callable[[Data], Data]]
) -> _Stored:
    fields = dict(data)
    schema = fields.pop("schema", None)
    if not isinstance(schema, int) or not 1 <= schema <= SCHEMA:
        raise StoreError(f"schema {schema!r}, this version reads 1 to {SCHEMA}")
    try:
        for version in range(schema, SCHEMA):
            fields = migrations[version](fields)
        value = msgspec.convert(fields, kind)
    except (msgspec.ValidationError, KeyError, TypeError, AttributeError) as error:
        raise StoreError(f"not {noun}: {error}") from None
    # A field that is missing or unknown at any depth has been filled or dropped without a word.
    if _plain(asdict(value)) != _plain(fields):
        raise StoreError(f"not {noun}: fields are missing or unknown")
    return value


def _plain(fields: Data) -> Any:
    """As JSON has it: lists for tuples."""
    return json.loads(json.dumps(fields))


def _outcome_2(data: Data) -> Data:
    """Samples by round, peaks by phase, and what had not been measured."""
    timings, sizes = dict(data["timings"]), dict(data["sizes"])
    timings["single_seconds"] = [timings["single_seconds"]] if timings["single_seconds"] else []
    peaks = {"fit": sizes.pop("fit_peak_bytes"), "search": sizes.pop("peak_bytes")}
    cuda = {"fit": sizes.pop("fit_cuda_peak_bytes"), "search": sizes.pop("cuda_peak_bytes")}
    return {
        **data,
        "family": "",
        "live": True,
        "identity": {},
        "bounds": {},
        "timings": {
            **timings,
            "fit_pairs": 0,
            "cold_seconds": None,
            "warm_up": 0,
            "stable": True,
            "overhead_seconds": None,
            "server": [],
            "server_failure": "",
        },
        "sizes": {
            **sizes,
            "index_disk_bytes": None,
            "peaks": {phase: size for phase, size in peaks.items() if size is not None},
            "cuda_peaks": {phase: size for phase, size in cuda.items() if size is not None},
        },
    }


def _record_2(data: Data) -> Data:
    """Slices, contrasts, audit, the order of the clock, and what the user asked of it."""
    empty: Data = {
        "features": {},
        "contrasts": [],
        "audit": [],
        "references": [],
        "rounds": [],
        "others": [],
        "slo": None,
        "prices": {},
    }
    return {**data, "depth": max(100, *data["cutoffs"]), **empty}


def _outcome_3(data: Data) -> Data:
    """How many training pairs were asked for: all."""
    return {**data, "train_pairs": None}


def _record_3(data: Data) -> Data:
    """The numbers of training pairs: all. Nothing was tuned."""
    return {**data, "train_pairs": [None], "tunings": []}


def _outcome_4(data: Data) -> Data:
    """Nothing new."""
    return data


def _record_4(data: Data) -> Data:
    """Nothing was swept."""
    return {**data, "sweeps": []}


_OUTCOME_MIGRATIONS = {1: _outcome_2, 2: _outcome_3, 3: _outcome_4}
_RECORD_MIGRATIONS = {1: _record_2, 2: _record_3, 3: _record_4}
