"""Precision, recall, density and coverage by scipy's k-d tree: what `prdc` computes, without n x n matrices."""

import itertools

import numpy
import scipy.spatial


class Manifold:
    """Points, their tree, and the distance of each to its k-th nearest other point."""

    def __init__(self, points, k, workers):
        self.points, self.k, self.workers = points, k, workers
        self.tree = scipy.spatial.cKDTree(points)
        self.radii = self.tree.query(points, k=[k + 1], workers=workers)[0][:, 0]

    def held(self, other):
        """For each of our spheres the number of the other points in it, and which of them are in any."""
        # query_ball_point takes points on the sphere too.
        inside = numpy.nextafter(self.radii, 0.0)
        lists = other.tree.query_ball_point(self.points, inside, workers=self.workers)
        counts = numpy.fromiter(map(len, lists), dtype=numpy.int64, count=len(lists))
        held = numpy.zeros(len(other.points), dtype=bool)
        held[numpy.fromiter(itertools.chain.from_iterable(lists), numpy.int64, count=counts.sum())] = True
        return counts, held


def prdc(real, fake):
    counts, held = real.held(fake)
    _, recalled = fake.held(real)
    return {
        "precision": held.mean(),
        "recall": recalled.mean(),
        "density": counts.sum() / real.k / len(fake.points),
        "coverage": (counts > 0).mean(),
    }
