"""Compiled products of integers: two products of 16 bits are summed to 32 bits by one instruction.

That multiplies twice as many numbers as an instruction of float32 does. Where a processor has none, several do the same.

- ``multiply_dots``, for few questions: int8 documents as they lie there, four of them at a time, so that a part of a question is
  loaded once for all. It runs at the speed of memory.
- ``multiply_panels``, for many: 15 bits of float32, which err so little that hardly a document more survives. Documents are packed
  into panels of ``COLUMNS``, questions into strips of ``ROWS``, both by pairs of dimensions: the sums of a strip and a panel stay
  in registers, and a block of panels in the second cache (Goto & van de Geijn 2008, doi:10.1145/1356052.1356053).

``N`` documents, ``Q`` questions, ``D`` dimensions, ``P`` pairs of them. Arrays are C-contiguous. A score is a sum in int32 times
the units of question and document; that of a question comes as two factors, at most 1 and at least 1, and that of the document
between them, so that no step leaves float32 where the score does not.
"""

from itertools import chain
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from retrievers.shared.compiled import compiled

ROWS, LANES, VECTORS = 6, 8, 2
"""12 sums of 8 lanes; beside them two vectors of documents, one of a question and one of products fill 16 registers."""
COLUMNS = LANES * VECTORS
TOGETHER = 4
"""Documents whose products with a question are summed together."""

_compiled = compiled(fastmath={"nnan", "ninf"})
_LONG, _INDEX = ir.IntType(32), ir.IntType(64)
_SHORTS, _WIDE = ir.VectorType(ir.IntType(16), 2 * LANES), ir.VectorType(_LONG, 2 * LANES)
_LONGS, _FLOATS = ir.VectorType(_LONG, LANES), ir.VectorType(ir.FloatType(), LANES)
_BYTES = ir.VectorType(ir.IntType(8), 2 * LANES)


def _scores(_, strip, panel, factors, units, tile, column):
    """Scores of a strip int16 ``[P, ROWS, 2]`` and a panel int16 ``[P, COLUMNS, 2]``, P >= 1, into a tile float32 ``[ROWS, n]``.

    They begin at a column; factors float32 ``[ROWS, 2]``, units float32 ``[n]``.
    """

    def emit(context, builder, signature, values):
        strip, panel, *others = _arrays(context, builder, signature, values, 5)
        _write(builder, _sums(builder, strip, panel), others, values[-1])
        return context.get_dummy_value()

    return types.void(strip, panel, factors, units, tile, column), emit


def _dots(_, documents, question, first, columns, sums):
    """Sums int32 ``[TOGETHER]`` of a question int16 ``[D]`` and documents int8 ``[N, D]`` from the first on.

    Over so many of the columns, a multiple of ``2 LANES`` and not 0.
    """

    def emit(context, builder, signature, values):
        documents, question = _arrays(context, builder, signature, values, 2)
        (sums,) = _arrays(context, builder, signature, values, 5)[4:]
        _sum_dots(builder, (documents, question, sums), *values[2:4])
        return context.get_dummy_value()

    return types.void(documents, question, first, columns, sums), emit


_multiply: Any = intrinsic(_scores)
_sum: Any = intrinsic(_dots)


def _arrays(context: Any, builder: ir.IRBuilder, signature: Any, values: Any, count: int) -> list[Any]:
    """The first arguments as arrays; those that are none as they are."""
    return [
        context.make_array(kind)(context, builder, value) if isinstance(kind, types.Array) else value
        for kind, value in zip(signature.args[:count], values[:count], strict=True)
    ]


def _sums(builder: ir.IRBuilder, strip: Any, panel: Any) -> list[list[ir.Value]]:
    """A loop over the pairs of dimensions; the sums ``[ROWS][VECTORS]``, of ``LANES`` documents each."""
    entry, loop, done = builder.block, builder.append_basic_block("pairs"), builder.append_basic_block("summed")
    pairs = builder.extract_value(strip.shape, 0)
    builder.branch(loop)
    builder.position_at_end(loop)
    at = builder.phi(_INDEX)
    sums = [[builder.phi(_LONGS) for _ in range(VECTORS)] for _ in range(ROWS)]
    documents = [_load(builder, panel.data, _SHORTS, at, VECTORS, vector) for vector in range(VECTORS)]
    added: list[list[ir.Value]] = []
    for row in range(ROWS):
        pair = _spread(builder, _load(builder, strip.data, _LONG, at, ROWS, row), _LONGS)
        question = builder.bitcast(pair, _SHORTS)
        found = [_pairs(builder, question, document) for document in documents]
        added.append([builder.add(before, more) for before, more in zip(sums[row], found, strict=True)])
    following = builder.add(at, _INDEX(1))
    at.add_incoming(_INDEX(0), entry)
    at.add_incoming(following, loop)
    for before, after in zip(chain(*sums), chain(*added), strict=True):
        before.add_incoming(_LONGS([0] * LANES), entry)
        before.add_incoming(after, loop)
    builder.cbranch(builder.icmp_signed("<", following, pairs), loop, done)
    builder.position_at_end(done)
    return added


def _sum_dots(builder: ir.IRBuilder, arrays: tuple[Any, Any, Any], first: ir.Value, columns: ir.Value) -> None:
    documents, question, sums = arrays
    size = builder.extract_value(documents.shape, 1)
    start, ahead = builder.mul(first, size), builder.mul(builder.add(first, _INDEX(TOGETHER)), size)
    entry, loop, done = builder.block, builder.append_basic_block("columns"), builder.append_basic_block("summed")
    builder.branch(loop)
    builder.position_at_end(loop)
    at = builder.phi(_INDEX)
    totals = [builder.phi(_LONGS) for _ in range(TOGETHER)]
    asked = builder.load(_pointer(builder, question.data, _SHORTS, at), align=2)
    added = []
    for document, total in enumerate(totals):
        place = builder.add(builder.add(start, at), builder.mul(size, _INDEX(document)))
        values = builder.load(_pointer(builder, documents.data, _BYTES, place), align=1)
        added.append(builder.add(total, _pairs(builder, builder.sext(values, _SHORTS), asked)))
    # several short streams outrun the processor's own guess of what is read next: 64 bytes, a line, for 4 times 16 read here
    line = builder.gep(documents.data, [builder.add(ahead, builder.mul(at, _INDEX(TOGETHER)))])
    builder.call(
        _function(builder, "llvm.prefetch.p0", [line.type, *[_LONG] * 3], ir.VoidType()), [line, *map(_LONG, (0, 3, 1))]
    )
    following = builder.add(at, _INDEX(2 * LANES))
    at.add_incoming(_INDEX(0), entry)
    at.add_incoming(following, loop)
    for before, after in zip(totals, added, strict=True):
        before.add_incoming(_LONGS([0] * LANES), entry)
        before.add_incoming(after, loop)
    builder.cbranch(builder.icmp_signed("<", following, columns), loop, done)
    builder.position_at_end(done)
    reduce = _function(builder, f"llvm.vector.reduce.add.v{LANES}i32", [_LONGS], _LONG)
    for document, total in enumerate(added):
        builder.store(builder.call(reduce, [total]), builder.gep(sums.data, [_INDEX(document)]))


def _function(builder: ir.IRBuilder, name: str, takes: list[ir.Type], gives: ir.Type) -> Any:
    """One of LLVM's own."""
    return builder.module.globals.get(name) or ir.Function(builder.module, ir.FunctionType(gives, takes), name)


def _pairs(builder: ir.IRBuilder, one: ir.Value, other: ir.Value) -> ir.Value:
    """Products of 16-bit numbers, those of neighbours summed: what compilers know as one instruction (``pmaddwd``)."""
    products = builder.mul(builder.sext(one, _WIDE), builder.sext(other, _WIDE))
    even, odd = (
        builder.shuffle_vector(products, products, ir.Constant(_LONGS, list(range(first, 2 * LANES, 2))))
        for first in range(2)
    )
    return builder.add(even, odd)


def _write(builder: ir.IRBuilder, sums: list[list[ir.Value]], arrays: list[Any], column: ir.Value) -> None:
    """Into factors, units and tile of ``_scores``."""
    factors, units, tile = arrays
    width = builder.extract_value(tile.shape, 1)
    for row in range(ROWS):
        small, large = (
            _spread(builder, builder.load(builder.gep(factors.data, [_INDEX(2 * row + part)])), _FLOATS)
            for part in range(2)
        )
        for vector in range(VECTORS):
            place = builder.add(column, _INDEX(vector * LANES))
            unit = builder.load(_pointer(builder, units.data, _FLOATS, place), align=4)
            score = builder.fmul(builder.sitofp(sums[row][vector], _FLOATS), small)
            score = builder.fmul(builder.fmul(score, unit), large)
            place = builder.add(place, builder.mul(width, _INDEX(row)))
            builder.store(score, _pointer(builder, tile.data, _FLOATS, place), align=4)


def _pointer(builder: ir.IRBuilder, data: ir.Value, kind: ir.Type, place: ir.Value) -> ir.Value:
    """To what lies so many numbers behind ``data``, as another kind."""
    return builder.bitcast(builder.gep(data, [place]), kind.as_pointer())


def _load(builder: ir.IRBuilder, data: ir.Value, kind: ir.Type, at: ir.Value, each: int, which: int) -> ir.Value:
    """One of ``each`` vectors of a pair of dimensions."""
    pointer = builder.bitcast(data, kind.as_pointer())
    place = builder.add(builder.mul(at, _INDEX(each)), _INDEX(which))
    return builder.load(builder.gep(pointer, [place]), align=2)


def _spread(builder: ir.IRBuilder, value: ir.Value, kind: ir.Type) -> ir.Value:
    """A vector whose numbers are all the same."""
    first = builder.insert_element(ir.Constant(kind, ir.Undefined), value, _LONG(0))
    return builder.shuffle_vector(first, first, ir.Constant(_LONGS, [0] * LANES))


@_compiled
def multiply_dots(documents, units, steps, factors, block, tile):
    """Scores float32 ``[Q, >= N]`` of documents int8 ``[N, D]``, their units ``[N]``, and questions int16 ``[Q, D]``.

    factors float32 ``[Q, 2]``: units of the questions. block: documents that are read again for every question.
    """
    size, sums = documents.shape[1], np.zeros(TOGETHER, np.int32)
    columns = size - size % (2 * LANES)
    for first in range(0, len(documents), block):
        last = min(first + block, len(documents))
        for row in range(len(steps)):
            question = steps[row]
            for start in range(first, last, TOGETHER):
                whole = columns if start + TOGETHER <= last else 0
                if whole:
                    _sum(documents, question, start, whole, sums)
                else:
                    sums[:] = 0
                for place in range(start, min(start + TOGETHER, last)):
                    total = sums[place - start]
                    for at in range(whole, size):
                        total += np.int32(documents[place, at]) * np.int32(question[at])
                    tile[row, place] = np.float32(total) * factors[row, 0] * units[place] * factors[row, 1]


@_compiled
def multiply_panels(documents, units, inverse, strips, factors, block, tile):
    """Scores float32 ``[>= Q, >= N]`` of documents ``[N, D]`` float32, which are rounded, or int8, with their units ``[N]``.

    inverse: of the unit that documents are rounded to, 1 for int8. strips int16 ``[S, P, ROWS, 2]`` and factors ``[S, ROWS, 2]``:
    the questions and their units. block: documents that are packed together. The tile has a row for each place in a strip and a
    column for each in a panel; what is beyond the questions and the documents may be anything.
    """
    rows = np.zeros((COLUMNS, 2 * strips.shape[1]), np.int16)
    panels = np.empty((block // COLUMNS, strips.shape[1], COLUMNS, 2), np.int16)
    scales = np.ones(tile.shape[1], np.float32)
    scales[: len(documents)] = units
    for first in range(0, len(documents), block):
        some = documents[first : first + block]
        _pack(some, inverse, rows, panels)
        for strip in range(len(strips)):
            lines = tile[strip * ROWS : strip * ROWS + ROWS]
            for panel in range(-(-len(some) // COLUMNS)):
                _multiply(strips[strip], panels[panel], factors[strip], scales, lines, first + panel * COLUMNS)


@_compiled
def _pack(documents, inverse, rows, panels):
    """Panels int16 ``[>= N / COLUMNS, P, COLUMNS, 2]`` of documents; rows int16 ``[COLUMNS, 2 P]``, its last column 0, is a scratch pad."""
    count, size, pairs = len(documents), documents.shape[1], rows.view(np.int32)
    for panel in range(-(-count // COLUMNS)):
        first = panel * COLUMNS
        for column in range(min(COLUMNS, count - first)):
            document, row = documents[first + column], rows[column]
            for at in range(size):
                row[at] = np.int16(np.int32(np.rint(np.float32(document[at]) * inverse)))
        packed = panels[panel].reshape(panels.shape[1], 2 * COLUMNS).view(np.int32)
        for at in range(panels.shape[1]):
            for column in range(COLUMNS):
                packed[at, column] = pairs[column, at]
