/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong, in one line. */
#ifndef BENCH_COMPLAIN_H
#define BENCH_COMPLAIN_H

#include <pollux/compiler.h>

/** Print "plx-bench: ...", one line, to stderr. Returns @error. */
PLX_PRINTF(2, 3) int bench_fail(int error, const char *fmt, ...);

#endif
