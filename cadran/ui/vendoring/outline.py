"""Turn world-atlas's TopoJSON into the small GeoJSON used as built-in base map.

Source of the shapes: Natural Earth (public domain) through npm ``world-atlas``. TopoJSON stores arcs
as quantised deltas; this file only undoes that and rounds, so that no topology library is needed.
"""

from __future__ import annotations

from typing import Any, Final

Point = tuple[float, float]
Ring = list[Point]

# ISO 3166-1 numeric codes, as world-atlas uses them: France and its territories overseas.
FRANCE: Final = {"250", "258", "540", "652", "663", "666", "876"}

# Windows (west, south, east, north) in which a neighbour's shore helps the reader to find his way.
WINDOWS: Final = (
    (-11.0, 40.0, 15.0, 53.5),  # around metropolitan France and Corsica
    (-64.0, 13.5, -60.0, 19.0),  # Lesser Antilles
    (-60.0, 0.5, -48.0, 8.0),  # Guyane
    (-60.0, 45.0, -52.0, 49.0),  # Saint-Pierre-et-Miquelon
    (42.0, -22.5, 58.5, -10.0),  # Mayotte, La Réunion
)


def outline(fine: dict[str, Any], middle: dict[str, Any], coarse: dict[str, Any]) -> dict[str, Any]:
    """Return a FeatureCollection: ``kind`` is ``france`` (fine), or ``land`` (world, coarse; neighbours, better)."""
    world = [polygon for _identity, polygons in _countries(coarse) for polygon in polygons]
    features = [_feature("land", world, digits=1)]
    features += [
        _feature("land", seen, digits=2)
        for identity, polygons in _countries(middle)
        if identity not in FRANCE and (seen := _inside_windows(polygons))
    ]
    features += [
        _feature("france", polygons, digits=3) for identity, polygons in _countries(fine) if identity in FRANCE
    ]
    return {"type": "FeatureCollection", "features": features}


def _countries(topology: dict[str, Any]) -> list[tuple[str, list[list[Ring]]]]:
    arcs = [_decoded(arc, topology["transform"]) for arc in topology["arcs"]]
    found = []
    for geometry in next(iter(topology["objects"].values()))["geometries"]:
        shapes = [geometry["arcs"]] if geometry["type"] == "Polygon" else geometry["arcs"]
        found.append((str(geometry.get("id")), [[_ring(ring, arcs) for ring in shape] for shape in shapes]))
    return found


def _decoded(arc: list[list[int]], transform: dict[str, Any]) -> Ring:
    scale, offset, x, y, points = transform["scale"], transform["translate"], 0, 0, []
    for dx, dy in arc:
        x, y = x + dx, y + dy
        points.append((x * scale[0] + offset[0], y * scale[1] + offset[1]))
    return points


def _ring(indexes: list[int], arcs: list[Ring]) -> Ring:
    ring: Ring = []
    for index in indexes:
        arc = arcs[index] if index >= 0 else arcs[~index][::-1]  # a negative index means: read backwards
        ring.extend(arc[1:] if ring else arc)
    return ring


def _inside_windows(polygons: list[list[Ring]]) -> list[list[Ring]]:
    """Keep what meets a window, cut to a slightly larger box (Russia must not come along whole)."""
    kept = []
    for polygon in polygons:
        for window in WINDOWS:
            clipped = _clip(polygon[0], window)
            if len(clipped) >= 4:
                kept.append([clipped])
    return kept


def _clip(ring: Ring, window: tuple[float, float, float, float]) -> Ring:
    """Sutherland-Hodgman against the four sides of a box."""
    west, south, east, north = window
    for axis, limit, keep_above in ((0, west, True), (0, east, False), (1, south, True), (1, north, False)):
        result: Ring = []
        for before, after in zip(ring, ring[1:] + ring[:1], strict=True):
            inside_before = (before[axis] >= limit) is keep_above
            inside_after = (after[axis] >= limit) is keep_above
            if inside_before:
                result.append(before)
            if inside_before is not inside_after:
                share = (limit - before[axis]) / (after[axis] - before[axis])
                crossing = [before[0] + share * (after[0] - before[0]), before[1] + share * (after[1] - before[1])]
                crossing[axis] = limit
                result.append((crossing[0], crossing[1]))
        ring = result
        if not ring:
            return []
    return ring


def _feature(kind: str, polygons: list[list[Ring]], *, digits: int) -> dict[str, Any]:
    coordinates = [[_rounded(ring, digits) for ring in polygon] for polygon in polygons]
    coordinates = [polygon for polygon in coordinates if len(polygon[0]) >= 4]
    return {
        "type": "Feature",
        "properties": {"kind": kind},
        "geometry": {"type": "MultiPolygon", "coordinates": coordinates},
    }


def _rounded(ring: Ring, digits: int) -> list[list[float]]:
    points: list[list[float]] = []
    for x, y in ring:
        point = [round(x, digits), round(y, digits)]
        if not points or points[-1] != point:
            points.append(point)
    if points and points[0] != points[-1]:
        points.append(points[0])
    return points
