/* SPDX-License-Identifier: BSD-3-Clause */
/* What is wrong, in one line. */
#ifndef BENCH_COMPLAIN_H
#define BENCH_COMPLAIN_H

#include <pollux/compiler.h>

/** Print "plx-bench: ...", one line, to stderr. */
PLX_PRINTF(1, 2) void bench_complain(const char *fmt, ...);

/** The same, as an expression that is @error: return bench_fail(-ENODEV, "no port %u", port). */
#define bench_fail(error, ...) (bench_complain(__VA_ARGS__), (error))

#endif
