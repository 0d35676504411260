"""Triton kernels of the first pass: a tile of scores lives in registers, is compared with a threshold for each question, and is gone.

Imported only where Triton is installed (it comes with torch for CUDA).
"""

# Triton infers the types of what it compiles, takes arguments by position and writes constants in capitals:
# ruff: noqa: ANN001, ANN201, ANN202, N803, PLR0917
# mypy: disable-error-code="no-untyped-def, untyped-decorator, no-untyped-call"

import triton
import triton.language as tl

NUMBERS = ("n_queries", "n", "tiles", "step", "first", "last", "segments", "base", "room", "k", "width")
"""Arguments whose values are no reason to compile a kernel again; strides are: multiples of 16 allow wide loads."""


@triton.jit
def _load(documents, columns, depth, n, stride, SIZE: tl.constexpr, EVEN: tl.constexpr, reading):
    inside = ((columns < n) & reading)[:, None]
    if not EVEN:
        inside = inside & (depth < SIZE)[None, :]
    return tl.load(documents + columns.to(tl.int64)[:, None] * stride + depth[None, :], mask=inside, other=0.0)


@triton.jit
def _tile_of(at, step, tiles):
    return ((at.to(tl.int64) * step) % tiles).to(tl.int32)


@triton.jit
def _keep(scores, best, least, rows, lanes, start, n, base, counts, positions, values, room):
    """Append what reaches the thresholds: the best of each row, then the next, until no row has one left.

    Rows with a survivor in a tile are few and mostly have one. Vectors of rows are written, never the tile, which would have
    to pass through shared memory first.
    """
    hit = best >= least
    while tl.max(hit.to(tl.int32), 0) > 0:
        lane = tl.min(tl.where(scores == best[:, None], lanes[None, :], lanes.shape[0]), 1)
        hit = hit & (start + lane < n)  # rows of zeros fill the last tile
        slot = tl.atomic_add(counts + rows, 1, mask=hit, sem="relaxed")
        kept = hit & (slot < room)
        place = rows.to(tl.int64) * room + slot
        tl.store(values + place, best, mask=kept)
        tl.store(positions + place, (start + lane).to(tl.int64) + base, mask=kept)
        scores = tl.where(lanes[None, :] == lane[:, None], float("-inf"), scores)
        best = tl.max(scores, 1)
        hit = best >= least


@triton.jit(do_not_specialize=NUMBERS)
def tiles_kernel(
    queries, documents, thresholds, counts, positions, values, maxima,
    n_queries, n, stride_q, stride_d, tiles, step, first, last, segments, base, room,
    SIZE: tl.constexpr, ROWS: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr,
    WHOLE: tl.constexpr, EVEN: tl.constexpr, MAXIMA: tl.constexpr, INPUT: tl.constexpr, WIDEN: tl.constexpr,
):  # fmt: skip
    """A block of ROWS questions against every ``segments``-th tile from ``first`` to ``last``.

    Neighbouring programs read the same documents at the same time, for other questions. WHOLE: the vectors fit one product of
    DEPTH columns; then the questions stay in shared memory, and the next tile is fetched while this one is multiplied.
    WIDEN: for the interpreter, which multiplies bfloat16 as if it were integers.
    """
    blocks = tl.cdiv(n_queries, ROWS)
    rows = (tl.program_id(0) % blocks) * ROWS + tl.arange(0, ROWS)
    lanes = tl.arange(0, WIDTH)
    depth = tl.arange(0, DEPTH)
    asking = rows < n_queries
    least = tl.load(thresholds + rows, mask=asking, other=float("inf"))
    least = tl.maximum(least, -3.0e38)  # above minus infinity, which marks what was taken; scores are about 1 at most
    own = queries + rows.to(tl.int64)[:, None] * stride_q + depth[None, :]
    at = first + tl.program_id(0) // blocks
    start = _tile_of(at, step, tiles) * WIDTH
    if WHOLE:
        asked = tl.load(own, mask=asking[:, None] & (depth < SIZE)[None, :], other=0.0)
        ahead = _load(documents, start + lanes, depth, n, stride_d, SIZE, EVEN, at < last)
    while at < last:
        here = start
        following = at + segments
        start = _tile_of(following, step, tiles) * WIDTH
        if WHOLE:
            read = ahead
            ahead = _load(documents, start + lanes, depth, n, stride_d, SIZE, EVEN, following < last)
            if WIDEN:
                scores = tl.dot(asked.to(tl.float32), tl.trans(read.to(tl.float32)))
            else:
                scores = tl.dot(asked, tl.trans(read), input_precision=INPUT)
        else:
            scores = tl.zeros([ROWS, WIDTH], tl.float32)
            for done in range(0, SIZE, DEPTH):
                part = tl.load(own + done, mask=asking[:, None] & (done + depth < SIZE)[None, :], other=0.0)
                read = _load(documents, here + lanes, done + depth, n, stride_d, SIZE, EVEN, True)
                if WIDEN:
                    scores = tl.dot(part.to(tl.float32), tl.trans(read.to(tl.float32)), scores)
                else:
                    scores = tl.dot(part, tl.trans(read), scores, input_precision=INPUT)
        if MAXIMA:  # rows of zeros fill the last tile: they are no documents
            best = tl.max(tl.where((here + lanes < n)[None, :], scores, float("-inf")), 1)
            tl.store(maxima + rows.to(tl.int64) * last + at, best, mask=asking)
        else:
            best = tl.max(scores, 1)
            _keep(scores, best, least, rows, lanes, here, n, base, counts, positions, values, room)
        at = following


@triton.jit(do_not_specialize=NUMBERS)
def single_kernel(
    query, documents, thresholds, counts, positions, values, maxima,
    n, stride_d, tiles, step, first, base, room,
    SIZE: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr, EVEN: tl.constexpr, MAXIMA: tl.constexpr,
):  # fmt: skip
    """One question (float32) against one tile a program: a pass over memory, no product of matrices."""
    at = first + tl.program_id(0)
    lanes = _tile_of(at, step, tiles) * WIDTH + tl.arange(0, WIDTH)
    scores = tl.zeros([WIDTH], tl.float32)
    for done in range(0, SIZE, DEPTH):
        depth = done + tl.arange(0, DEPTH)
        asked = tl.load(query + depth, mask=depth < SIZE, other=0.0)
        read = _load(documents, lanes, depth, n, stride_d, SIZE, EVEN, True)
        scores += tl.sum(read.to(tl.float32) * asked[None, :], 1)
    if MAXIMA:
        tl.store(maxima + at, tl.max(tl.where(lanes < n, scores, float("-inf")), 0))
    else:
        hit = (scores >= tl.load(thresholds)) & (lanes < n)
        slot = tl.atomic_add(counts + tl.zeros([WIDTH], tl.int32), 1, mask=hit, sem="relaxed")
        kept = hit & (slot < room)
        tl.store(values + slot, scores, mask=kept)
        tl.store(positions + slot, lanes.to(tl.int64) + base, mask=kept)


@triton.jit(do_not_specialize=NUMBERS)
def lift_kernel(counts, settled, positions, values, floor, thresholds, bound, lost, k, room, ROOM: tl.constexpr):
    """One question: its k-th best rough score by bisection over the bits, then the survivors that it leaves, moved together."""
    row = tl.program_id(0)
    count = tl.load(counts + row)
    earlier = tl.load(settled + row)
    error = tl.load(bound + row)
    places = tl.arange(0, ROOM)
    filled = places < tl.minimum(count, room)
    place = row.to(tl.int64) * room + places
    score = tl.load(values + place, mask=filled, other=float("-inf"))
    position = tl.load(positions + place, mask=filled, other=0)
    bits = score.to(tl.int32, bitcast=True)
    ordered = (bits ^ ((bits >> 31) & 0x7FFFFFFF)).to(tl.int64)
    low = tl.full([], -2139095041, tl.int64)  # minus infinity, in that order
    high = tl.full([], 2139095041, tl.int64)  # one more than infinity
    while high - low > 1:
        middle = (low + high) >> 1
        enough = tl.sum((filled & (ordered >= middle)).to(tl.int32), 0) >= k
        low = tl.where(enough, middle, low)
        high = tl.where(enough, high, middle)
    code = low.to(tl.int32)
    reached = (code ^ ((code >> 31) & 0x7FFFFFFF)).to(tl.float32, bitcast=True)
    lifted = tl.maximum(tl.load(floor + row), reached - error)
    least = lifted - error
    kept = filled & (score >= least) & ((count <= room) | (places < earlier))
    target = row.to(tl.int64) * room + tl.cumsum(kept.to(tl.int32), 0) - 1
    total = tl.sum(kept.to(tl.int32), 0)
    tl.debug_barrier()  # every place was read before any is written
    tl.store(values + target, score, mask=kept)
    tl.store(positions + target, position, mask=kept)
    tl.store(floor + row, lifted)
    tl.store(thresholds + row, least)
    tl.store(counts + row, total)
    tl.store(settled + row, total)
    tl.store(lost + row, (count > room).to(tl.int8))


@triton.jit(do_not_specialize=NUMBERS)
def rescore_kernel(
    queries, documents, counts, positions, scores, room, base, stride, width,
    SIZE: tl.constexpr, WIDTH: tl.constexpr, DEPTH: tl.constexpr,
):  # fmt: skip
    """Inner products in float64 of one question and WIDTH of its survivors."""
    row = tl.program_id(0).to(tl.int64)
    places = tl.program_id(1) * WIDTH + tl.arange(0, WIDTH)
    filled = places < tl.minimum(tl.load(counts + row), width)
    offsets = tl.load(positions + row * room + places, mask=filled, other=0) - base
    total = tl.zeros([WIDTH], tl.float64)
    for done in range(0, SIZE, DEPTH):
        depth = done + tl.arange(0, DEPTH)
        inside = depth < SIZE
        asked = tl.load(queries + row * SIZE + depth, mask=inside, other=0.0).to(tl.float64)
        mask = filled[:, None] & inside[None, :]
        read = tl.load(documents + offsets[:, None] * stride + depth[None, :], mask=mask, other=0.0)
        total += tl.sum(read.to(tl.float64) * asked[None, :], 1)
    tl.store(scores + row * width + places, total.to(tl.float32), mask=filled)
