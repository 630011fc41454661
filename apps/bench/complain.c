/* SPDX-License-Identifier: BSD-3-Clause */
#include "complain.h"

#include <stdarg.h>
#include <stdio.h>

void bench_complain(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	fputs("plx-bench: ", stderr);
	vfprintf(stderr, fmt, args); /* NOLINT(clang-analyzer-valist.Uninitialized) */
	fputc('\n', stderr);
	va_end(args);
}
