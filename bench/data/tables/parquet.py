"""Rows of a Parquet file, a batch at a time."""

from collections.abc import Iterator
from pathlib import Path

from bench.data.tables.extras import needed
from bench.data.tables.records import Record
from bench.errors import DataError

_BATCH = 4096


def parquet_rows(path: Path) -> Iterator[Record]:
    """Yield the rows with their numbers from 1; DataError for a missing library or a damaged file."""
    arrow = needed("pyarrow", extra="parquet", what=f"{path}: Parquet")
    parquet = needed("pyarrow.parquet", extra="parquet", what=f"{path}: Parquet")
    row = 0
    try:
        with parquet.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=_BATCH):
                for fields in batch.to_pylist():
                    row += 1
                    yield Record(row, fields)
    except (arrow.ArrowException, OSError) as error:
        where = f"{path}: damaged after row {row}" if row else f"{path}: cannot be read as Parquet"
        raise DataError(f"{where}: {' '.join(str(error).split()) or type(error).__name__}") from None
