"""Compiled parts of the exact search on a CPU: products of few questions, and what survives a tile of rough scores.

``N`` documents, ``Q`` questions, ``D`` dimensions. Documents are float32, or int8 with a scale for each (``scales`` has one
place where there is none to tell). A rough score may be wrong by ``margin[q]``; an exact score is summed in float64 and
rounded once to float32. A question's survivors are kept in a buffer of ``C`` places, ``C`` > ``k``.
"""

import numpy as np

from retrievers.shared.compiled import compiled

_compiled = compiled(fastmath={"reassoc", "contract", "nsz", "nnan", "ninf"})
"""Sums may be reordered into vector instructions; that is why a limit of minus infinity is written as ``LOWEST``."""

LOWEST = np.float32(-3.4e38)
GROUP, FINE = 128, 16
"""Scores that are compared with the limit together, by vector instructions, before each of them is."""
SAMPLE = 1024
"""Scores of a tile, at least, that tell a first limit."""
SPARE = 16
"""Survivors beyond one and a half times k at which the limit is raised before the next tile."""
STEPS = 16
"""Of a bisection; ties need all of them."""


@_compiled
def multiply(documents, scales, queries, tile):
    """Inner products ``[Q, n]`` float32 of documents ``[n, D]`` and questions ``[Q, D]``, for few questions.

    Three documents meet four questions at a time: twelve sums stay in registers, and a document is read from memory once.
    """
    count, size = len(documents), documents.shape[1]
    whole, fours = count - count % 3, len(queries) - len(queries) % 4
    for column in range(0, whole, 3):
        x, y, z = documents[column], documents[column + 1], documents[column + 2]
        for row in range(0, fours, 4):
            p, q, r, s = queries[row], queries[row + 1], queries[row + 2], queries[row + 3]
            xp = xq = xr = xs = yp = yq = yr = ys = zp = zq = zr = zs = np.float32(0)
            for at in range(size):
                a, b, c = np.float32(x[at]), np.float32(y[at]), np.float32(z[at])
                value = p[at]
                xp += a * value
                yp += b * value
                zp += c * value
                value = q[at]
                xq += a * value
                yq += b * value
                zq += c * value
                value = r[at]
                xr += a * value
                yr += b * value
                zr += c * value
                value = s[at]
                xs += a * value
                ys += b * value
                zs += c * value
            tile[row, column], tile[row, column + 1], tile[row, column + 2] = xp, yp, zp
            tile[row + 1, column], tile[row + 1, column + 1], tile[row + 1, column + 2] = xq, yq, zq
            tile[row + 2, column], tile[row + 2, column + 1], tile[row + 2, column + 2] = xr, yr, zr
            tile[row + 3, column], tile[row + 3, column + 1], tile[row + 3, column + 2] = xs, ys, zs
    for row in range(len(queries)):
        query = queries[row]
        for column in range(whole if row < fours else 0, count):
            document, total = documents[column], np.float32(0)
            for at in range(size):
                total += np.float32(document[at]) * query[at]
            tile[row, column] = total
    if len(scales) > 1 or scales[0] != 1:
        for row in range(len(queries)):
            for column in range(count):
                tile[row, column] *= scales[column]


@_compiled
def scan(documents, scales, queries, block, k, margins, limits, counts, positions, scores, start, stop):
    """``multiply`` and ``collect``, block after block of the documents from ``start`` to ``stop``; 64 questions at most."""
    tile = np.empty((len(queries), block), np.float32)
    for first in range(start, stop, block):
        last = min(first + block, stop)
        multiply(documents[first:last], scales[first:last] if len(scales) > 1 else scales, queries, tile)
        collect(tile, last - first, first, documents, scales, queries, k, margins, limits, counts, positions, scores)


@_compiled
def collect(tile, size, start, documents, scales, queries, k, margins, limits, counts, positions, scores):
    """Keep what can be among the k best, of rough scores: ``size`` columns of ``[Q, n]``, the documents from ``start`` on.

    documents: all of them, for exact scores where the rough ones do not decide. limits float32 ``[Q]``: what a score has to
    reach; counts int64 ``[Q]``, positions int64 and scores float32 ``[Q, C]``: the survivors, in any order.
    """
    whole = size - size % GROUP
    for row in range(len(tile)):
        line = tile[row]
        _begin(line[:size], row, k, margins[row], limits, counts, positions, scores)
        for group in range(0, size, GROUP):
            if group < whole and not _reaches(line[group : group + GROUP], GROUP, limits[row]):
                continue
            for first in range(group, min(group + GROUP, size), FINE):
                if first < whole and not _reaches(line[first : first + FINE], FINE, limits[row]):
                    continue
                for column in range(first, min(first + FINE, size)):
                    if line[column] >= limits[row]:
                        place = counts[row]
                        positions[row, place], scores[row, place] = start + column, line[column]
                        counts[row] = place + 1
                        if place + 1 == positions.shape[1]:
                            _tighten(
                                row, documents, scales, queries[row], k, margins[row], limits, counts, positions, scores
                            )


@_compiled
def _begin(line, row, k, margin, limits, counts, positions, scores):
    """Raise a question's limit before a tile: by some of its scores if they are many and the first, else by the survivors so far."""
    if counts[row] < k:
        if len(line) < SAMPLE:
            return
        limit = reached(line[: min(len(line), max(SAMPLE, 16 * k))], k)
        if limit > LOWEST:
            limits[row] = max(limits[row], np.float32(limit - 2 * margin))
    elif counts[row] > k + k // 2 + SPARE:
        limits[row] = max(limits[row], drop(row, k, margin, counts, positions, scores))


@_compiled
def _reaches(part, size, limit):
    """Whether one of so many scores does: an "or" of comparisons becomes vector instructions, a maximum does not."""
    found = np.int32(0)
    for at in range(size):
        found |= np.int32(part[at] >= limit)
    return found != 0


@_compiled
def _tighten(row, documents, scales, query, k, margin, limits, counts, positions, scores):
    """Raise the limit of a question whose buffer is full, and drop what does not reach it."""
    limit = drop(row, k, margin, counts, positions, scores)
    kept = counts[row]
    if kept > (positions.shape[1] + k) // 2:  # too much lies within the margin, as where many documents are equal
        for place in range(kept):
            scores[row, place] = _exact(documents, scales, positions[row, place], query)
        _sort(positions[row], scores[row], kept)
        counts[row] = k
        limit = np.float32(scores[row, k - 1] - margin)
    limits[row] = max(limit, limits[row])


@_compiled
def drop(row, k, margin, counts, positions, scores):
    """Forget survivors whose rough score rules out that they are among the k best; returns the least score that does not."""
    found, kept = counts[row], 0
    limit = reached(scores[row, :found], k)
    if limit == LOWEST:
        return limit
    limit = np.float32(limit - 2 * margin)
    for place in range(found):
        if scores[row, place] >= limit:
            positions[row, kept], scores[row, kept] = positions[row, place], scores[row, place]
            kept += 1
    counts[row] = kept
    return limit


@_compiled
def reached(values, k):
    """A score that at least ``k`` of these reach, and few more do; ``LOWEST`` where none was found.

    By bisection, which counts by vector instructions and without a branch, and so beats a selection many times over. The k-th
    largest of n numbers lies between ``mean - sd sqrt(k / (n - k))`` and ``mean + sd sqrt((n - k) / k)`` (Cantelli 1928).
    """
    count = len(values)
    if count < k:
        return LOWEST
    total, squares = 0.0, 0.0
    for at in range(count):
        value = np.float64(values[at])
        total += value
        squares += value * value
    mean = total / count
    deviation = np.sqrt(max(squares / count - mean * mean, 0.0))
    low = mean - 1.001 * deviation * np.sqrt(k / max(count - k, 1)) - 1e-6 * abs(mean)  # roundings included
    high = mean + deviation * np.sqrt((count - k) / k)
    best, point = LOWEST, low
    for _ in range(STEPS):
        limit, found = np.float32(point), np.int32(0)
        for at in range(count):
            found += np.int32(values[at] >= limit)
        if found < k:
            high = point
        else:
            best, low = limit, point
            if found <= k + (k >> 4):
                break
        point = (low + high) / 2
    return best


@_compiled
def merge(counts, positions, scores, other_counts, other_positions, other_scores):
    """Put the survivors of a scan of other documents behind those of this one; there is room."""
    for row in range(len(counts)):
        for place in range(other_counts[row]):
            positions[row, counts[row]] = other_positions[row, place]
            scores[row, counts[row]] = other_scores[row, place]
            counts[row] += 1


@_compiled
def finish(documents, scales, queries, margins, counts, positions, scores, best_positions, best_scores):
    """The k best survivors of each question ``[Q, k]`` by exact score, equal ones by position; -1 where there are fewer."""
    for row in range(len(queries)):
        drop(row, best_positions.shape[1], margins[row], counts, positions, scores)
        found = counts[row]
        for place in range(found):
            scores[row, place] = _exact(documents, scales, positions[row, place], queries[row])
        _sort(positions[row], scores[row], found)
        best_positions[row], best_scores[row] = -1, np.float32(0)
        for place in range(min(found, best_positions.shape[1])):
            best_positions[row, place], best_scores[row, place] = positions[row, place], scores[row, place]


@_compiled
def _sort(positions, scores, count):
    """Best first, equal ones by position: by falling gaps (Shell 1959), which are few lines to compile."""
    gap = count // 2
    while gap > 0:
        for at in range(gap, count):
            position, score, place = positions[at], scores[at], at
            while place >= gap and (
                scores[place - gap] < score or (scores[place - gap] == score and positions[place - gap] > position)
            ):
                positions[place], scores[place] = positions[place - gap], scores[place - gap]
                place -= gap
            positions[place], scores[place] = position, score
        gap = 1 if gap == 2 else gap * 5 // 11  # noqa: PLR2004 - Gonnet & Baeza-Yates 1991


@_compiled
def _exact(documents, scales, position, query):
    """The score of a document."""
    document, total = documents[position], 0.0
    for at in range(len(query)):
        total += np.float64(document[at]) * np.float64(query[at])
    return np.float32(total * np.float64(scales[min(position, len(scales) - 1)]))
