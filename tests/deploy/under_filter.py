"""Runs a program under a list of system calls, as systemd does for SystemCallFilter= and MemoryDenyWriteExecute=.

Standard input: names of allowed calls; arguments: the program. Others fail with EPERM; names that libseccomp does not know are
left out, as systemd leaves them out.
"""

import ctypes
import ctypes.util
import errno
import os
import sys

REFUSE = 0x00050000 | errno.EPERM
ALLOW = 0x7FFF0000
PR_SET_MDWE = 65

libseccomp = ctypes.CDLL(ctypes.util.find_library("seccomp"))
libseccomp.seccomp_init.restype = ctypes.c_void_p
calls = ctypes.c_void_p(libseccomp.seccomp_init(ctypes.c_uint32(REFUSE)))
for name in sys.stdin.read().split():
    number = libseccomp.seccomp_syscall_resolve_name(name.encode())
    if number >= 0:
        libseccomp.seccomp_rule_add(calls, ctypes.c_uint32(ALLOW), number, ctypes.c_uint(0))
ctypes.CDLL(None).prctl(PR_SET_MDWE, ctypes.c_ulong(1), *[ctypes.c_ulong(0)] * 3)  # where the kernel has it
if libseccomp.seccomp_load(calls):
    sys.exit("the filter cannot be put on")
os.execv(sys.argv[1], sys.argv[1:])  # noqa: S606
