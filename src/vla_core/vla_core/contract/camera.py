"""One camera of a robot contract: where its pictures come from and how the policy sees them."""

from dataclasses import dataclass

from vla_core.contract.section import Section

MESSAGES = ('Image', 'CompressedImage')
KINDS = ('color', 'depth')
ROTATIONS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Camera:
    """A camera.

    Attributes:
        key: The policy's name for it.
        topic: Topic of the pictures, relative.
        camera_info: Topic of sensor_msgs/CameraInfo, relative.
        message: `Image` or `CompressedImage`.
        optical_frame: tf frame, x right, y down, z forward (REP-103).
        kind: `color` or `depth`.
        width: Of the picture that the policy sees, pixels.
        height: Of the picture that the policy sees, pixels.
        crop: (x, y, width, height) in pixels of the source, None for the whole picture.
        rotation: Clockwise turn after the crop, degrees: 0, 90, 180 or 270.
        max_age_s: Oldest picture that may be acted on.
    """

    key: str
    topic: str
    camera_info: str
    message: str
    optical_frame: str
    kind: str
    width: int
    height: int
    crop: tuple[int, int, int, int] | None
    rotation: int
    max_age_s: float

    @classmethod
    def read(cls, key: str, section: Section) -> 'Camera':
        """Read from a contract's `cameras.<key>`."""
        crop = None
        if section.has('crop'):
            x, y, width, height = section.numbers('crop', 4)
            if (
                min(x, y) < 0
                or min(width, height) < 1
                or any(v % 1 for v in (x, y, width, height))
            ):
                raise section.fail('crop', 'whole pixels [x, y, width, height] expected')
            crop = (int(x), int(y), int(width), int(height))
        rotation = section.integer('rotation', 0, 270, default=0)
        if rotation not in ROTATIONS:
            raise section.fail('rotation', f'one of 0, 90, 180, 270 expected, got {rotation}')
        camera = cls(
            key=key,
            topic=section.text('topic'),
            camera_info=section.text('camera_info'),
            message=section.text('message', MESSAGES, default='Image'),
            optical_frame=section.text('optical_frame'),
            kind=section.text('kind', KINDS, default='color'),
            width=section.integer('width', 8, 8192),
            height=section.integer('height', 8, 8192),
            crop=crop,
            rotation=rotation,
            max_age_s=section.number('max_age_s', above=0.0),
        )
        section.done()
        return camera
