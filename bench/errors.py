"""What can go wrong for a user: one class per cause, one line per message.

The command line prints a BenchError as one line and exits with 2. Anything else is a bug and shows its traceback.
"""


class BenchError(Exception):
    """Something the user can mend; the message names the file, line or option and says what to do."""


class OptionError(BenchError):
    """A command-line option or a combination of options cannot be carried out."""


class SpecError(BenchError):
    """The text of a system, such as ``bm25:k1=0.9+gru``, does not follow the grammar or names an unknown parameter."""


class PluginError(BenchError):
    """A retriever cannot be found or loaded, or does not fulfil the contract."""


class CardError(BenchError):
    """A dataset card is missing, unreadable or breaks the schema."""


class DataError(BenchError):
    """A collection is missing, damaged or contradicts itself."""


class DeviceError(BenchError):
    """A device was asked for that this machine does not have."""


class HitsError(BenchError):
    """A retriever returned something that is not a ranking: NaN scores, a document twice, more than k hits."""


class CorpusClosedError(BenchError):
    """A retriever read the corpus after ``index`` had returned; work on documents belongs inside ``index``."""


class StoreError(BenchError):
    """A report folder or a stored outcome is missing, damaged or of another schema."""
