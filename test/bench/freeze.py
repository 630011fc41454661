#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Run a program and stop it, or one of its threads, for a while, again and again.

usage: freeze.py MS EVERY_MS process|THREAD COMMAND...

process: SIGSTOP and SIGCONT. THREAD: the name of one, which is stopped by ptrace, so that the
others go on. Ends with the program's status; 77 where threads may not be traced."""

import ctypes
import os
import signal
import subprocess
import sys
import time

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17
WALL = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]


def ptrace(request, tid):
    return ctypes.get_errno() if libc.ptrace(request, tid, None, None) else 0


def thread_of(pid, name):
    for tid in os.listdir(f"/proc/{pid}/task"):
        try:
            with open(f"/proc/{pid}/task/{tid}/comm", encoding="ascii") as comm:
                if comm.read().strip() == name:
                    return int(tid)
        except OSError:
            pass
    return None


def stop_process(pid, seconds):
    os.kill(pid, signal.SIGSTOP)
    time.sleep(seconds)
    os.kill(pid, signal.SIGCONT)


def stop_thread(pid, name, seconds):
    tid = thread_of(pid, name)
    if tid is None:
        return
    error = ptrace(PTRACE_SEIZE, tid)
    if error:
        if error == 1 and os.path.exists(f"/proc/{pid}/task/{tid}"):
            print("threads may not be traced here")
            sys.exit(77)
        return
    ptrace(PTRACE_INTERRUPT, tid)
    os.waitpid(tid, WALL)
    time.sleep(seconds)
    ptrace(PTRACE_DETACH, tid)


def main():
    away, every, what = float(sys.argv[1]) / 1e3, float(sys.argv[2]) / 1e3, sys.argv[3]
    with subprocess.Popen(sys.argv[4:]) as program:
        try:
            while True:
                try:
                    program.wait(every)
                    break
                except subprocess.TimeoutExpired:
                    if what == "process":
                        stop_process(program.pid, away)
                    else:
                        stop_thread(program.pid, what, away)
        finally:
            if program.poll() is None:
                program.kill()
    return program.returncode if program.returncode >= 0 else 128 - program.returncode


sys.exit(main())
