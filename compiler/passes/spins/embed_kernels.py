"""Kernels of minor embedding: shortest paths between chains, rerouting and trimming of chains.

Arrays that every kernel shares: `hardware` (ptr, adj) and `logical` (ptr, adj), neighbour lists in
CSR form; nodes (n, cap) int32 and size (n,) int64, the cells of every chain; member (n, N) bool,
whether a chain holds a cell; usage (N,) int64, how many chains hold it.
"""

from __future__ import annotations

import numpy as np

from compiler.jit import njit

BIG = 1e300
WHOLE = 5  # every so many rounds all chains are rerouted, else those that collide
MOST_USES = 24  # the price grows no further with the chains that hold a cell


@njit(widen=True, cache=True, nogil=True)
def _push(keys, items, n, key, item):  # type: ignore[no-untyped-def]
    """Add to a binary heap of n entries; returns n + 1."""
    k = n
    while k > 0:
        up = (k - 1) >> 1
        if keys[up] <= key:
            break
        keys[k], items[k] = keys[up], items[up]
        k = up
    keys[k], items[k] = key, item
    return n + 1


@njit(widen=True, cache=True, nogil=True)
def _drop_least(keys, items, n):  # type: ignore[no-untyped-def]
    """Remove the first entry of a binary heap of n entries; returns n - 1."""
    n -= 1
    key, item = keys[n], items[n]
    k = 0
    while True:
        down = 2 * k + 1
        if down >= n:
            break
        if down + 1 < n and keys[down + 1] < keys[down]:
            down += 1
        if keys[down] >= key:
            break
        keys[k], items[k] = keys[down], items[down]
        k = down
    keys[k], items[k] = key, item
    return n


@njit(widen=True, cache=True, nogil=True)
def _distances(ptr, adj, weight, sources, limit, dist, parent, keys, items):  # type: ignore[no-untyped-def]
    """Dijkstra: dist[g] = weight of the cells strictly between the chain `sources` and g.

    limit : cells further away than this keep an infinite distance
    parent[g] : the cell before g, -1 beside or within the chain
    """
    dist[:] = np.inf
    n = 0
    for s in sources:
        dist[s] = -1.0  # the chain itself: settled
        parent[s] = -1
    for s in sources:
        for k in range(ptr[s], ptr[s + 1]):
            g = adj[k]
            if dist[g] > 0.0:
                dist[g] = 0.0
                parent[g] = -1
                n = _push(keys, items, n, 0.0, g)
    while n > 0:
        key, g = keys[0], items[0]
        n = _drop_least(keys, items, n)
        if key > dist[g]:
            continue
        through = key + weight[g]
        if through > limit:
            continue
        for k in range(ptr[g], ptr[g + 1]):
            other = adj[k]
            if through < dist[other]:
                dist[other] = through
                parent[other] = g
                n = _push(keys, items, n, through, other)
    for s in sources:
        dist[s] = 0.0


@njit(widen=True, cache=True, nogil=True)
def _route(y, hardware, logical, nodes, size, weight, tie, limit, room):  # type: ignore[no-untyped-def]
    """Make a chain for y that reaches the chains of all its placed neighbours; False: no way.

    Cai, Macready and Roy, arXiv 1406.2741, section 4: the root is the cell whose shortest paths to
    the neighbours cost least; each path starts at the cell of the chain that is nearest.
    tie : (N,) small random prices that settle draws; limit : longest path, in weight
    room : scratch, see workspace
    """
    ptr, adj = hardware
    lptr, ladj = logical
    dist, parent, keys, items, within = room
    count = 0
    total = weight + tie
    for k in range(lptr[y], lptr[y + 1]):
        j = ladj[k]
        if size[j] == 0:
            continue
        chain = nodes[j, : size[j]]
        _distances(ptr, adj, weight, chain, limit, dist[count], parent[count], keys, items)
        total += dist[count]
        count += 1
    root = np.argmin(total)
    if total[root] == np.inf:
        return False
    length = 1
    nodes[y, 0] = root
    within[root] = True
    # far neighbours first: their paths are the trunk from which the others branch
    far = np.empty(count)
    for c in range(count):
        far[c] = -dist[c, root]
    found = True
    for c in np.argsort(far):
        start = nodes[y, 0]
        for k in range(1, length):
            if dist[c, nodes[y, k]] < dist[c, start]:
                start = nodes[y, k]
        g = parent[c, start]
        while g >= 0:
            if not within[g]:
                if length == nodes.shape[1]:
                    found = False
                    break
                nodes[y, length] = g
                length += 1
                within[g] = True
            g = parent[c, g]
    for k in range(length):
        within[nodes[y, k]] = False
    if found:
        size[y] = length
    return found


@njit(widen=True, cache=True, nogil=True)
def workspace(hardware, logical):  # type: ignore[no-untyped-def]
    """Scratch arrays of _route: distances and parents a neighbour, a heap, a mark a cell."""
    ptr, adj = hardware
    lptr = logical[0]
    n_hw = ptr.size - 1
    widest = 1
    for y in range(lptr.size - 1):
        widest = max(widest, lptr[y + 1] - lptr[y])
    entries = adj.size + n_hw + 1
    return (
        np.empty((widest, n_hw)),
        np.empty((widest, n_hw), np.int32),
        np.empty(entries),
        np.empty(entries, np.int32),
        np.zeros(n_hw, np.bool_),
    )


@njit(widen=True, cache=True, nogil=True)
def _touches(g, j, hardware, member):  # type: ignore[no-untyped-def]
    """Whether a wire leads from cell g to a cell of chain j."""
    ptr, adj = hardware
    for k in range(ptr[g], ptr[g + 1]):  # noqa: SIM110
        if member[j, adj[k]]:
            return True
    return False


@njit(widen=True, cache=True, nogil=True)
def _trim(y, hardware, logical, nodes, size, member, usage, counts):  # type: ignore[no-untyped-def]
    """Give up end cells of chain y that no placed neighbour needs.

    member : (n, N) bool, which chain holds which cell; counts : (n,) int64, scratch
    """
    ptr, adj = hardware
    lptr, ladj = logical
    for k in range(lptr[y], lptr[y + 1]):
        j = ladj[k]
        counts[j] = 0
        if size[j] > 0:
            for place in range(size[y]):
                counts[j] += _touches(nodes[y, place], j, hardware, member)
    again = True
    while again and size[y] > 1:
        again = False
        for place in range(size[y] - 1, -1, -1):
            g = nodes[y, place]
            own = 0
            for k in range(ptr[g], ptr[g + 1]):
                own += member[y, adj[k]]
            if own > 1 or size[y] == 1:
                continue
            free = True
            for k in range(lptr[y], lptr[y + 1]):
                j = ladj[k]
                if counts[j] == 1 and size[j] > 0 and _touches(g, j, hardware, member):
                    free = False
                    break
            if free:
                for k in range(lptr[y], lptr[y + 1]):
                    counts[ladj[k]] -= _touches(g, ladj[k], hardware, member)
                size[y] -= 1
                nodes[y, place] = nodes[y, size[y]]
                member[y, g] = False
                usage[g] -= 1
                again = True


@njit(widen=True, cache=True, nogil=True)
def _put(y, nodes, size, member, usage, step):  # type: ignore[no-untyped-def]
    """Enter chain y into the books (step 1) or take it out (step -1)."""
    for k in range(size[y]):
        usage[nodes[y, k]] += step
        member[y, nodes[y, k]] = step > 0


@njit(widen=True, cache=True, nogil=True)
def negotiate(  # type: ignore[no-untyped-def]
    hardware, logical, nodes, size, member, usage, orders, tie, base, growth, most, rise, budget
):
    """Reroute chains, one order of `orders` (rounds, n) a round, until no two overlap.

    A cell that u chains hold costs (1 + history) base^u to one more; base grows by the factor
    `growth` each round up to `most`, the history of an overused cell by `rise`. Returns the rounds
    done, rounds + 1 if overlaps are left, -1 if a chain cannot be routed at all.
    budget : (1,) float64, wires that may be looked at; what is used is taken off, at 0 it stops
    """
    lptr, ladj = logical
    n_hw = usage.size
    wires = float(hardware[1].size)
    room = workspace(hardware, logical)
    counts = np.zeros(lptr.size - 1, np.int64)
    weight, cost = np.empty(n_hw), np.ones(n_hw)
    for r in range(orders.shape[0]):
        powers = base ** np.arange(MOST_USES + 1)
        for y in orders[r]:
            collides = r % WHOLE == 0
            for k in range(size[y]):
                collides |= usage[nodes[y, k]] > 1
            if not collides:
                continue
            budget[0] -= wires * (lptr[y + 1] - lptr[y])
            if budget[0] < 0.0:
                return orders.shape[0] + 1
            _put(y, nodes, size, member, usage, -1)
            size[y] = 0
            for k in range(lptr[y], lptr[y + 1]):
                if size[ladj[k]] > 0:
                    _trim(ladj[k], hardware, logical, nodes, size, member, usage, counts)
            for g in range(n_hw):
                weight[g] = cost[g] * powers[min(usage[g], MOST_USES)]
            if not _route(y, hardware, logical, nodes, size, weight, tie, BIG, room):
                return -1
            _put(y, nodes, size, member, usage, 1)
        over = 0
        for g in range(n_hw):
            if usage[g] > 1:
                over += 1
                cost[g] += rise * (usage[g] - 1)
        if over == 0:
            return r + 1
        base = min(base * growth, most)
    return orders.shape[0] + 1


@njit(widen=True, cache=True, nogil=True)
def shorten(hardware, logical, nodes, size, member, usage, orders, tie, budget):  # type: ignore[no-untyped-def]
    """Make chains shorter, keeping them disjoint; returns the number of rounds done.

    For every y: take its chain out, trim its neighbours, route it anew through free cells, and keep
    the result unless these chains got longer together. Stops when two rounds free no cell, or as
    soon as budget (1,) is negative: chains are whole at any time.
    """
    lptr, ladj = logical
    n = lptr.size - 1
    room = workspace(hardware, logical)
    counts = np.zeros(n, np.int64)
    weight = np.empty(usage.size)
    for y in range(n):
        _trim(y, hardware, logical, nodes, size, member, usage, counts)
    old_nodes, old_size = nodes.copy(), size.copy()
    idle = 0
    for r in range(orders.shape[0]):
        before = size.sum()
        for y in orders[r]:
            if budget[0] < 0.0:
                return r
            touched = np.empty(lptr[y + 1] - lptr[y] + 1, np.int64)
            touched[0] = y
            touched[1:] = ladj[lptr[y] : lptr[y + 1]]
            length = 0
            for j in touched:
                length += size[j]
                old_size[j] = size[j]
                old_nodes[j, : size[j]] = nodes[j, : size[j]]
            _put(y, nodes, size, member, usage, -1)
            size[y] = 0
            for j in touched[1:]:
                _trim(j, hardware, logical, nodes, size, member, usage, counts)
            gain = length  # a longer chain would be no gain
            for j in touched:
                gain -= size[j]
            for g in range(usage.size):
                weight[g] = 1.0 if usage[g] == 0 else np.inf
            good = _route(y, hardware, logical, nodes, size, weight, tie, float(gain), room)
            if good:
                _put(y, nodes, size, member, usage, 1)
                new = 0
                for j in touched:
                    _trim(j, hardware, logical, nodes, size, member, usage, counts)
                for j in touched:
                    new += size[j]
                good = new <= length
            if not good:
                for j in touched:
                    _put(j, nodes, size, member, usage, -1)
                for j in touched:
                    size[j] = old_size[j]
                    nodes[j, : size[j]] = old_nodes[j, : size[j]]
                    _put(j, nodes, size, member, usage, 1)
        idle = idle + 1 if size.sum() == before else 0
        if idle == 2:
            return r + 1
    return orders.shape[0]


@njit(widen=True, cache=True, nogil=True)
def balance(hardware, logical, nodes, size, member, usage):  # type: ignore[no-untyped-def]
    """Hand end cells of long chains to shorter ones that they lead to; no cell is freed or taken.

    The sum of the squared lengths falls with every move, so this ends. Chains must not overlap.
    """
    ptr, adj = hardware
    lptr, ladj = logical
    again = True
    while again:
        again = False
        for y in range(lptr.size - 1):
            for place in range(size[y] - 1, -1, -1):
                g = nodes[y, place]
                own = 0
                for k in range(ptr[g], ptr[g + 1]):
                    own += member[y, adj[k]]
                if own != 1 or size[y] < 3:
                    continue
                heir, lost = -1, 0  # neighbours that would lose touch, of which one may inherit
                for k in range(lptr[y], lptr[y + 1]):
                    j = ladj[k]
                    if _touches(g, j, hardware, member):
                        others = False
                        for p in range(size[y]):
                            if p != place and _touches(nodes[y, p], j, hardware, member):
                                others = True
                                break
                        if not others:
                            heir = j
                            lost += 1
                if lost != 1 or size[heir] + 1 >= size[y] or size[heir] == nodes.shape[1]:
                    continue
                size[y] -= 1
                nodes[y, place] = nodes[y, size[y]]
                member[y, g] = False
                nodes[heir, size[heir]] = g
                size[heir] += 1
                member[heir, g] = True
                again = True
