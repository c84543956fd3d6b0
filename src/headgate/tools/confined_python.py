"""The program that runs a caller's Python, after it has given up everything it does not need.

It is started by itself, as `python -I -S -B confined_python.py`, and reads the code from standard
input. Before it runs that, the kernel is told by a seccomp filter which system calls are left:
memory, time, and what is open already. No file can be opened, no socket or process made, no signal
sent, and nothing can be taken back. What the code may import is loaded before, since nothing can be
loaded after.

Where the kernel does not take the filter, the program ends with the code 78 and has run nothing.
"""

import ctypes
import importlib
import io
import os
import platform
import resource
import struct
import sys
import traceback

PROCESSOR_SECONDS = 5
MEMORY_BYTES = 256 * 1024 * 1024
NICENESS = 10
UNCONFINED = 78
FAILED = 1

MODULES = [
    "base64",
    "bisect",
    "calendar",
    "cmath",
    "collections",
    "collections.abc",
    "copy",
    "csv",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "hashlib",
    "heapq",
    "io",
    "itertools",
    "json",
    "math",
    "operator",
    "random",
    "re",
    "statistics",
    "string",
    "textwrap",
    "time",
    "typing",
    "unicodedata",
    "uuid",
    "zlib",
    "encodings.latin_1",
    "encodings.ascii",
    "encodings.utf_16",
    "linecache",
    "tokenize",
]

# Numbers of the system calls that are left, as the kernel's tables have them.
_LEFT = {
    "x86_64": (
        0xC000003E,
        # read write close fstat lseek mmap mprotect munmap brk rt_sigaction rt_sigprocmask
        # rt_sigreturn mremap madvise nanosleep getpid exit gettimeofday sigaltstack time futex
        # clock_gettime clock_nanosleep exit_group getrandom sched_yield
        (
            *(0, 1, 3, 5, 8, 9, 10, 11, 12, 13, 14, 15, 25, 28, 35, 39, 60, 96, 131, 201, 202),
            *(228, 230, 231, 318, 24),
        ),
    ),
    "aarch64": (
        0xC00000B7,
        # close lseek read write fstat exit exit_group futex nanosleep clock_gettime
        # clock_nanosleep sched_yield sigaltstack rt_sigaction rt_sigprocmask rt_sigreturn
        # gettimeofday getpid brk munmap mremap mmap mprotect madvise getrandom
        (
            *(57, 62, 63, 64, 80, 93, 94, 98, 101, 113, 115, 124, 132, 134, 135, 139, 169, 172),
            *(214, 215, 216, 222, 226, 233, 278),
        ),
    ),
}
_NO_NEW_PRIVILEGES = 38
_SECCOMP = 22
_FILTER = 2
_LOAD, _EQUAL, _GIVE = 0x20, 0x15, 0x06
_ALLOW, _REFUSE, _KILL = 0x7FFF0000, 0x00050000 | 1, 0x80000000


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


def confine() -> bool:
    """Give up all system calls but a few, for good; whether the kernel has taken that."""
    known = _LEFT.get(platform.machine())
    if sys.platform != "linux" or known is None:
        return False
    architecture, left = known
    steps = [
        (_LOAD, 0, 0, 4),  # the architecture; another one numbers calls differently
        (_EQUAL, 1, 0, architecture),
        (_GIVE, 0, 0, _KILL),
        (_LOAD, 0, 0, 0),  # the call's number
    ]
    for place, number in enumerate(left):
        steps.append((_EQUAL, len(left) - place, 0, number))
    steps += [(_GIVE, 0, 0, _REFUSE), (_GIVE, 0, 0, _ALLOW)]
    code = b"".join(struct.pack("=HBBI", *step) for step in steps)
    buffer = ctypes.create_string_buffer(code, len(code))
    program = _Program(len(steps), ctypes.cast(buffer, ctypes.c_void_p))
    library = ctypes.CDLL(None, use_errno=True)
    if library.prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0) != 0:
        return False
    taken: int = library.prctl(_SECCOMP, _FILTER, ctypes.byref(program), 0, 0)
    return taken == 0


def main() -> int:
    """Read the code, give up the rest, and run it."""
    source = sys.stdin.buffer.read().decode()
    for name in MODULES:
        importlib.import_module(name)
    sys.stdin = io.StringIO()
    os.nice(NICENESS)
    for kind, most in (
        (resource.RLIMIT_CPU, PROCESSOR_SECONDS),
        (resource.RLIMIT_AS, MEMORY_BYTES),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_NOFILE, 3),
    ):
        resource.setrlimit(kind, (most, most))
    if not confine():
        return UNCONFINED
    try:
        exec(compile(source, "code", "exec"), {"__name__": "__main__"})  # noqa: S102 - its purpose
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else FAILED if end.code else 0
    except BaseException as error:  # noqa: BLE001 - the rim: told to who wrote the code
        # Without the lines of this program, and without reading files for it.
        kept = error.__traceback__.tb_next if error.__traceback__ else None
        sys.stderr.write("".join(traceback.format_exception(type(error), error, kept)))
        return FAILED
    return 0


if __name__ == "__main__":
    sys.exit(main())
