"""The tabletop scene: the arm's file, a table, four objects, a plate, lights and a camera.

World frame: origin on the table top's surface, x away from the robot, z up. The physics of every
profile is the same; profiles differ only in what is drawn.
"""

from dataclasses import dataclass
from pathlib import Path

import mujoco
import numpy as np

from vla_sim.core import wood

BASE_POSITION = np.array([-0.26, 0.0, 0.0])  # base_link in the world; its axes are the world's
SCENE_CAMERA = 'scene'
OBJECT_HALF = 0.02  # half of a block's edge; radius and half height of a cylinder, m
PLATE = 'plate'
PLATE_RADIUS = 0.065
PLATE_HEIGHT = 0.006
TIMESTEP_NS = 2_000_000

TABLE_CENTRE_X = 0.10
TABLE_HALF = 0.55
TABLE_THICKNESS = 0.035
FLOOR_Z = -0.75
WOOD_PX = 1024

# The picture for people: what it looks at (world, m), from how far, azimuth, elevation (degrees).
VIEW = ((0.07, 0.03, 0.20), 1.47, 140.0, -27.0)


@dataclass(frozen=True)
class Thing:
    """An object to handle: name as in the instructions, shape and colour."""

    name: str
    shape: mujoco.mjtGeom
    rgba: tuple[float, float, float, float]


BLOCK, CYLINDER = mujoco.mjtGeom.mjGEOM_BOX, mujoco.mjtGeom.mjGEOM_CYLINDER
THINGS = (
    Thing('red block', BLOCK, (0.78, 0.07, 0.07, 1.0)),
    Thing('green block', BLOCK, (0.10, 0.56, 0.20, 1.0)),
    Thing('blue cylinder', CYLINDER, (0.07, 0.24, 0.82, 1.0)),
    Thing('yellow cylinder', CYLINDER, (0.97, 0.76, 0.05, 1.0)),
)
OBJECTS = tuple(thing.name for thing in THINGS)


@dataclass(frozen=True)
class Profile:
    """What is drawn, and how well. It never changes the physics.

    Attributes:
        shadows: Whether lights cast shadows.
        samples: Samples a pixel (MSAA), 0 for none.
        shadow_size: Edge of the shadow map in texels.
        slices: Facets of a round geom.
        finish: Whether details are drawn that only a person would look for.
    """

    shadows: bool = False
    samples: int = 0
    shadow_size: int = 1024
    slices: int = 14
    finish: bool = False


LEAN = Profile()
PICTURE = Profile(shadows=True, samples=8, shadow_size=4096, slices=64, finish=True)


def build(arm_file: Path, profile: Profile = LEAN) -> mujoco.MjModel:
    """Compile the scene around an arm.

    Args:
        arm_file: MJCF of the arm; its `base_link` body is moved to its place on the table.
        profile: What will be drawn from this model.
    """
    spec = mujoco.MjSpec.from_file(str(arm_file))
    spec.modelname = 'tabletop scene'
    spec.body('base_link').pos = BASE_POSITION
    _physics(spec)
    _surroundings(spec, profile)
    _table(spec, profile)
    _plate(spec, profile)
    for thing in THINGS:
        _object(spec, thing)
    spec.worldbody.add_camera(
        name=SCENE_CAMERA, pos=[0.84, 0.0, 0.74], quat=_facing([0.84, 0.0, 0.74], [0.155, 0, 0]),
        fovy=33.0,
    )  # fmt: skip
    return spec.compile()


def _facing(eye: list[float], target: list[float]) -> np.ndarray:
    """Quaternion (w, x, y, z) of a MuJoCo camera at `eye` that looks at `target`, upright."""
    back = np.subtract(eye, target) / np.linalg.norm(np.subtract(eye, target))
    right = np.cross([0.0, 0.0, 1.0], back)
    right /= np.linalg.norm(right)
    out = np.zeros(4)
    mujoco.mju_mat2Quat(out, np.column_stack([right, np.cross(back, right), back]).ravel())
    return out


def _physics(spec: mujoco.MjSpec) -> None:
    option = spec.option
    option.timestep = TIMESTEP_NS * 1e-9
    option.integrator = mujoco.mjtIntegrator.mjINT_IMPLICITFAST
    option.cone = mujoco.mjtCone.mjCONE_ELLIPTIC
    option.impratio = 10.0
    option.iterations = 50


def _surroundings(spec: mujoco.MjSpec, profile: Profile) -> None:
    visual = spec.visual
    visual.quality.offsamples = profile.samples
    visual.quality.shadowsize = profile.shadow_size
    visual.quality.numslices = profile.slices
    visual.quality.numstacks = max(7, profile.slices // 2)
    visual.global_.offwidth, visual.global_.offheight = 1920, 1440
    visual.headlight.ambient = [0.30, 0.31, 0.33]
    visual.headlight.diffuse = [0.14, 0.14, 0.14]
    visual.headlight.specular = [0.0, 0.0, 0.0]
    visual.rgba.haze = [0.76, 0.81, 0.86, 1.0]
    visual.rgba.fog = [0.76, 0.81, 0.86, 1.0]
    visual.map.haze = 0.35
    visual.map.fogstart, visual.map.fogend = 1.8, 6.5
    visual.map.znear = 0.01
    visual.map.zfar = 30.0
    visual.map.shadowclip = 1.2
    spec.stat.extent = 1.0
    spec.stat.center = [0.1, 0.0, 0.1]

    spec.add_texture(
        name='sky', type=mujoco.mjtTexture.mjTEXTURE_SKYBOX,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_GRADIENT,
        rgb1=[0.56, 0.67, 0.80], rgb2=[0.80, 0.84, 0.88], width=64, height=384,
    )  # fmt: skip
    spec.add_texture(
        name='tiles', type=mujoco.mjtTexture.mjTEXTURE_2D,
        builtin=mujoco.mjtBuiltin.mjBUILTIN_CHECKER, mark=mujoco.mjtMark.mjMARK_EDGE,
        rgb1=[0.57, 0.60, 0.64], rgb2=[0.61, 0.64, 0.68], markrgb=[0.52, 0.55, 0.60],
        width=256, height=256,
    )  # fmt: skip
    floor = _material(spec, 'floor', (1.0, 1.0, 1.0, 1.0), specular=0.1, shininess=0.1)
    _texture(floor, 'tiles')
    floor.texrepeat = [1.6, 1.6]
    floor.texuniform = True
    spec.worldbody.add_geom(
        name='floor', type=mujoco.mjtGeom.mjGEOM_PLANE, size=[0.0, 0.0, 0.5],
        pos=[0.0, 0.0, FLOOR_Z], material='floor', contype=1, conaffinity=3,
    )  # fmt: skip
    _lights(spec, profile)


def _lights(spec: mujoco.MjSpec, profile: Profile) -> None:
    """One key light and a fill; shadows get a penumbra from weaker lights beside the key."""
    key = np.array([0.55, -0.85, 1.75])
    places, share, fill = [key], 0.56, [0.22, 0.23, 0.25]
    if profile.finish:
        angles = np.linspace(0.0, 2.0 * np.pi, 5, endpoint=False)
        places += [key + [0.07 * np.cos(a), 0.045 * np.sin(a), 0.05 * np.sin(a)] for a in angles]
        share, fill = 0.64 / len(places), [0.17, 0.18, 0.20]
        spec.visual.headlight.ambient = [0.26, 0.27, 0.30]
        spec.visual.headlight.diffuse = [0.05, 0.05, 0.05]
    for k, position in enumerate(places):
        spec.worldbody.add_light(
            name=f'key{k}', type=mujoco.mjtLightType.mjLIGHT_SPOT, pos=position,
            dir=np.array([0.08, 0.0, 0.0]) - position, cutoff=60.0, exponent=1.0, range=20.0,
            castshadow=profile.shadows, diffuse=[share, share * 0.98, share * 0.94],
            specular=[share * 0.55] * 3, ambient=[0.0, 0.0, 0.0],
        )  # fmt: skip
    spec.worldbody.add_light(
        name='fill', type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, pos=[0.0, 1.0, 2.0],
        dir=[-0.35, 0.55, -0.85], castshadow=False, diffuse=fill,
        specular=[0.08, 0.08, 0.08], ambient=[0.0, 0.0, 0.0],
    )  # fmt: skip


def _material(
    spec: mujoco.MjSpec, name: str, rgba: tuple[float, ...], specular: float, shininess: float
) -> mujoco.MjsMaterial:
    return spec.add_material(name=name, rgba=rgba, specular=specular, shininess=shininess)


def _texture(material: mujoco.MjsMaterial, name: str) -> None:
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name


def _table(spec: mujoco.MjSpec, profile: Profile) -> None:
    """A collision box, and what is seen of it: planks, an edge, a frame and legs."""
    spec.worldbody.add_geom(
        name='table', type=mujoco.mjtGeom.mjGEOM_BOX, group=3,
        size=[TABLE_HALF, TABLE_HALF, TABLE_THICKNESS / 2],
        pos=[TABLE_CENTRE_X, 0.0, -TABLE_THICKNESS / 2],
        friction=[0.8, 0.02, 0.0005], condim=4, solref=[0.006, 1.0], contype=1, conaffinity=3,
    )  # fmt: skip
    planks = wood.planks(WOOD_PX, count=11, seed=7)
    texture = spec.add_texture(
        name='planks', type=mujoco.mjtTexture.mjTEXTURE_2D, width=WOOD_PX, height=WOOD_PX,
        nchannel=3,
    )  # fmt: skip
    texture.data = planks.tobytes()
    top = _material(spec, 'planks', (1.0, 1.0, 1.0, 1.0), specular=0.25, shininess=0.35)
    _texture(top, 'planks')
    _material(spec, 'edge', (0.44, 0.29, 0.18, 1.0), specular=0.2, shininess=0.3)
    _material(spec, 'steel', (0.15, 0.16, 0.19, 1.0), specular=0.5, shininess=0.5)
    _box(spec, 'planks', [TABLE_HALF, TABLE_HALF, 0.011], [TABLE_CENTRE_X, 0.0, -0.011])
    _box(spec, 'edge', [TABLE_HALF - 0.004, TABLE_HALF - 0.004, 0.008],
         [TABLE_CENTRE_X, 0.0, -0.030])  # fmt: skip
    for sx in (-1, 1):
        for sy in (-1, 1):
            x, y = TABLE_CENTRE_X + sx * (TABLE_HALF - 0.06), sy * (TABLE_HALF - 0.06)
            half = -(FLOOR_Z + 0.038) / 2
            spec.worldbody.add_geom(
                type=CYLINDER, size=[0.025, half, 0.0], pos=[x, y, FLOOR_Z + half],
                material='steel', contype=0, conaffinity=0,
            )  # fmt: skip
    if profile.finish:
        reach = TABLE_HALF - 0.03
        for sign in (-1, 1):
            _box(spec, 'edge', [reach, 0.010, 0.030],
                 [TABLE_CENTRE_X, sign * reach, -0.068])  # fmt: skip
            _box(spec, 'edge', [0.010, reach, 0.030],
                 [TABLE_CENTRE_X + sign * reach, 0.0, -0.068])  # fmt: skip


def _box(spec: mujoco.MjSpec, material: str, size: list[float], pos: list[float]) -> None:
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_BOX, size=size, pos=pos, material=material,
        contype=0, conaffinity=0,
    )  # fmt: skip


def _plate(spec: mujoco.MjSpec, profile: Profile) -> None:
    """A flat white plate with a blue rim, moved only by a reset."""
    _material(spec, 'china', (0.84, 0.86, 0.89, 1.0), specular=0.35, shininess=0.8)
    _material(spec, 'rim', (0.36, 0.52, 0.72, 1.0), specular=0.7, shininess=0.8)
    body = spec.worldbody.add_body(name=PLATE, mocap=True)
    half = PLATE_HEIGHT / 2
    body.add_geom(
        name=PLATE, type=CYLINDER, size=[PLATE_RADIUS, half, 0.0], pos=[0.0, 0.0, half], group=3,
        friction=[0.8, 0.02, 0.0005], condim=4, solref=[0.006, 1.0], contype=1, conaffinity=3,
    )  # fmt: skip
    seen = [('rim', PLATE_RADIUS, half - 0.0004), ('china', PLATE_RADIUS - 0.003, half)]
    if profile.finish:
        seen += [('rim', 0.046, half + 0.0002), ('china', 0.0450, half + 0.0003)]
    for material, radius, height in seen:
        body.add_geom(
            type=CYLINDER, size=[radius, height, 0.0], pos=[0.0, 0.0, height],
            material=material, contype=0, conaffinity=0,
        )  # fmt: skip


def _object(spec: mujoco.MjSpec, thing: Thing) -> None:
    name = f'{thing.name} paint'
    _material(spec, name, thing.rgba, specular=0.35, shininess=0.5)
    body = spec.worldbody.add_body(name=thing.name)
    body.add_freejoint(name=thing.name)
    half = OBJECT_HALF
    body.add_geom(
        name=thing.name, type=thing.shape, size=[half, half, half], material=name, density=750.0,
        friction=[0.8, 0.02, 0.0005], condim=4, solref=[0.006, 1.0], contype=1, conaffinity=3,
    )  # fmt: skip
