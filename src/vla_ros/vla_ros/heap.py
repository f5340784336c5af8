"""Memory of a process that takes in pictures of a megabyte, many times a second."""

import ctypes

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h of glibc
KEPT = 256 << 20  # bytes: freed memory that the process keeps
LARGE = 32 << 20  # bytes: smaller blocks come from what is kept; the most that glibc takes


def keep_freed_memory() -> bool:
    """Keep freed memory for the next picture; return whether the C library does.

    glibc gives large blocks back to the kernel at once, which then has to clear pages for the
    next one: almost half of what a recorder of two cameras spent. Call it before there are
    threads.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError):  # not glibc
        return False
    return bool(mallopt(M_MMAP_THRESHOLD, LARGE) and mallopt(M_TRIM_THRESHOLD, KEPT))
