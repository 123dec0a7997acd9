"""Time the streamed mean of many updates against a plain read of the same bytes.

    python benchmarks/aggregate.py --sites 20 --megabytes 100 --dtype F32

Prints wall time over the plain read's and the peak memory that each added, the result included.
With `--cold` the files are dropped from the page cache before each measurement.
"""

import argparse
import math
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from fedclinic.updates.admission import check_update
from fedclinic.updates.aggregate import norm_bounded_mean
from fedclinic.updates.codec import UpdateFile, encode_chunks

WIDTH = {"F32": 4, "BF16": 2}


def make_schema(megabytes: int, dtype: str) -> dict[str, tuple[int, ...]]:
    blocks = max(1, round(megabytes * 1e6 / WIDTH[dtype] / 1024 / 1024))
    return {f"block.{number:03d}": (1024, 1024) for number in range(blocks)}


def write_updates(folder: Path, schema: dict, sites: int, dtype: str) -> dict[str, Path]:
    generator = np.random.default_rng(0)
    paths = {f"site{number:03d}": folder / f"{number}.safetensors" for number in range(sites)}
    tensors = {n: generator.standard_normal(s, dtype=np.float32) for n, s in schema.items()}
    for path in paths.values():
        with path.open("wb") as file:
            file.writelines(encode_chunks(tensors, dtype))
    return paths


def plain_read(paths: dict[str, Path]) -> None:
    buffer = bytearray(8 << 20)
    for path in paths.values():
        with path.open("rb", buffering=0) as file:
            while file.readinto(buffer):
                pass


def drop_from_cache(paths: dict[str, Path]) -> None:
    for path in paths.values():
        with path.open("rb") as file:
            os.fsync(file.fileno())
            os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)


def memory(field: str) -> float:
    """Resident memory in MB: `VmRSS` now, `VmHWM` at its peak."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) / 1024
    raise RuntimeError(field)


def measure(action: Callable[[], object]) -> tuple[float, float, float]:
    """Wall seconds, processor seconds and MB of peak memory that an action adds."""
    Path("/proc/self/clear_refs").write_text("5")
    before, wall, processor = memory("VmRSS"), time.perf_counter(), time.process_time()
    action()
    return (
        time.perf_counter() - wall,
        time.process_time() - processor,
        memory("VmHWM") - before,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sites", type=int, default=20)
    parser.add_argument("--megabytes", type=int, default=100)
    parser.add_argument("--dtype", choices=sorted(WIDTH), default="F32")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--cold", action="store_true")
    arguments = parser.parse_args()
    schema = make_schema(arguments.megabytes, arguments.dtype)
    with tempfile.TemporaryDirectory() as folder:
        paths = write_updates(Path(folder), schema, arguments.sites, arguments.dtype)
        files = {site: UpdateFile(path, schema, arguments.dtype) for site, path in paths.items()}
        weights = dict.fromkeys(files, 1.0)
        actions: dict[str, Callable[[], object]] = {
            "plain read": lambda: plain_read(paths),
            "mean": lambda: norm_bounded_mean(files, weights, max_norm=math.inf),
            "admission": lambda: [
                check_update(file, schema=schema, max_norm=math.inf) for file in files.values()
            ],
            "digest": lambda: [file.digest() for file in files.values()],
        }
        plain_read(paths)
        runs = {name: [] for name in actions}
        for _ in range(arguments.repeats):
            for name, action in actions.items():
                if arguments.cold:
                    drop_from_cache(paths)
                runs[name].append(measure(action))
        total = sum(path.stat().st_size for path in paths.values())
        result = math.prod(next(iter(schema.values()))) * len(schema) * 4 / 1e6
        print(f"{arguments.sites} files, {total / 1e9:.2f} GB, result {result:.0f} MB")
        base = min(wall for wall, _, _ in runs["plain read"])
        for name, measured in runs.items():
            wall, processor, peak = min(measured)
            print(
                f"{name:12} wall {wall:6.2f} s = {wall / base:4.1f} x read, "
                f"cpu {processor:6.2f} s, peak +{peak:.0f} MB"
            )


if __name__ == "__main__":
    main()
