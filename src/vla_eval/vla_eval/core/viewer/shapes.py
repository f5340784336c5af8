"""The visible geometry of a MuJoCo model, as primitives that a page can draw."""

from collections.abc import Iterator
from dataclasses import dataclass

import mujoco
import numpy as np

from vla_core.se3 import SE3

SHOWN_GROUPS = (0, 1, 2)  # what MuJoCo's own viewer shows; hulls of collisions are in 3
BOX, CYLINDER, SPHERE, MESH = 'box', 'cylinder', 'sphere', 'mesh'


@dataclass(frozen=True, eq=False)
class Shape:
    """One primitive.

    Attributes:
        body: Name of the body that carries it.
        kind: One of the constants above.
        T_body_shape: Its pose on the body; cylinders stand along z.
        size: (3,) m: edges of a box, (radius, radius, height) of a cylinder, radii of a
            sphere, 1 for a mesh.
        rgba: (4,) 0..1.
        vertices: (V, 3) of a mesh, m.
        faces: (F, 3) of a mesh.
    """

    body: str
    kind: str
    T_body_shape: SE3
    size: np.ndarray
    rgba: np.ndarray
    vertices: np.ndarray | None = None
    faces: np.ndarray | None = None


def shapes(model: mujoco.MjModel) -> Iterator[Shape]:
    """Yield what is visible of a model; planes and height fields are left to the page."""
    for g in range(model.ngeom):
        if model.geom_group[g] in SHOWN_GROUPS:
            yield from _of_geom(model, g)


def _of_geom(model: mujoco.MjModel, g: int) -> Iterator[Shape]:
    body = model.body(int(model.geom_bodyid[g])).name
    T = SE3.from_quaternion(model.geom_quat[g], model.geom_pos[g])
    material = int(model.geom_matid[g])
    rgba = np.array(model.geom_rgba[g] if material < 0 else model.mat_rgba[material])
    radius, half, depth = model.geom_size[g]
    types = mujoco.mjtGeom
    kind = int(model.geom_type[g])
    if kind == types.mjGEOM_BOX:
        yield Shape(body, BOX, T, 2.0 * model.geom_size[g], rgba)
    elif kind in (types.mjGEOM_CYLINDER, types.mjGEOM_CAPSULE):
        yield Shape(body, CYLINDER, T, np.array([radius, radius, 2.0 * half]), rgba)
        if kind == types.mjGEOM_CAPSULE:
            for end in (-half, half):
                T_end = T @ SE3(t=np.array([0.0, 0.0, end]))
                yield Shape(body, SPHERE, T_end, np.full(3, radius), rgba)
    elif kind == types.mjGEOM_SPHERE:
        yield Shape(body, SPHERE, T, np.full(3, radius), rgba)
    elif kind == types.mjGEOM_ELLIPSOID:
        yield Shape(body, SPHERE, T, np.array([radius, half, depth]), rgba)
    elif kind == types.mjGEOM_MESH:
        yield _mesh(model, int(model.geom_dataid[g]), body, T, rgba)


def _mesh(model: mujoco.MjModel, m: int, body: str, T: SE3, rgba: np.ndarray) -> Shape:
    vertex, face = int(model.mesh_vertadr[m]), int(model.mesh_faceadr[m])
    vertices = model.mesh_vert[vertex : vertex + int(model.mesh_vertnum[m])].copy()
    faces = model.mesh_face[face : face + int(model.mesh_facenum[m])].copy()
    return Shape(body, MESH, T, np.ones(3), rgba, vertices, faces)
