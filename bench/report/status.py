"""What stands where a result should be: the status of a job and its reason, said once."""

from bench.report.markdown import clean
from bench.report.system import System


def why(system: System) -> str:
    """Why a system has no result, as plain text."""
    if not system.outcomes:
        return "not run"
    outcome = system.failures[0]
    return told(outcome.status, outcome.failure)


def told(status: str, failure: str) -> str:
    """Status and reason of a job, without saying the status twice."""
    line = clean(failure)
    return line if line.startswith(status) else f"{status}: {line}" if line else status
