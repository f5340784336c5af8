"""Reads a dataset with LeRobot itself; run by the Python of `.vla/peers/lerobot`.

`python lerobot_reader.py DATASET OUT.npz`: everything that LeRobot's own reader returns.
"""

import contextlib
import sys
from pathlib import Path

import av
import numpy as np
import torch

# torchvision's compiled operators do not load beside this torch, and it has no video reader any
# more; LeRobot's way to a frame goes through that reader (its other one, torchcodec, comes as a
# CUDA build only). What is put in its place decodes with PyAV; seeking, picking the frame and the
# tolerance stay LeRobot's.
library = torch.library.Library('torchvision', 'FRAGMENT')
for operator in ('nms', 'qnms'):
    with contextlib.suppress(RuntimeError):
        library.define(f'{operator}(...) -> ...')

import torchvision  # noqa: E402


class VideoReader:
    """As torchvision's was."""

    def __init__(self, path, stream='video'):
        self.container = av.open(str(path))
        self._stream = self.container.streams.video[0]
        self._frames = self.container.decode(self._stream)

    def seek(self, time_s, keyframes_only=False):
        """Go to the key frame before a time."""
        at = int(time_s / self._stream.time_base)
        self.container.seek(at, stream=self._stream, backward=True)
        self._frames = self.container.decode(self._stream)
        return self

    def __iter__(self):
        for frame in self._frames:
            pixels = torch.from_numpy(frame.to_ndarray(format='rgb24')).permute(2, 0, 1)
            yield {'data': pixels, 'pts': float(frame.pts * self._stream.time_base)}


torchvision.io.VideoReader = VideoReader
torchvision.set_video_backend = lambda name: None

from lerobot.datasets.lerobot_dataset import LeRobotDataset  # noqa: E402


def main(root: str, out: str) -> None:
    """Read everything."""
    dataset = LeRobotDataset('local/dataset', root=Path(root), video_backend='pyav')
    meta = dataset.meta
    items = [dataset[k] for k in range(len(dataset))]
    found = {
        'version': np.array(meta.info['codebase_version']),
        'fps': np.array(dataset.fps),
        'episodes': np.array(dataset.num_episodes),
        'lengths': np.array(meta.episodes['length']),
        'tasks': np.array([item['task'] for item in items]),
        'from_index': np.array(meta.episodes['dataset_from_index']),
        'cameras': np.array(meta.camera_keys),
        'state_names': np.array(meta.features['observation.state']['names']),
        'action_names': np.array(meta.features['action']['names']),
    }
    for key in items[0]:
        if key != 'task':
            found[f'item/{key}'] = np.stack([item[key].numpy() for item in items])
    for feature, kinds in meta.stats.items():
        for kind, value in kinds.items():
            found[f'stats/{feature}/{kind}'] = value
    chunk = LeRobotDataset(
        'local/dataset', root=Path(root), video_backend='pyav',
        delta_timestamps={'action': [k / dataset.fps for k in range(4)]},
    )[1]  # fmt: skip
    found['chunk'] = chunk['action'].numpy()
    np.savez(out, **found)


if __name__ == '__main__':
    main(*sys.argv[1:])
