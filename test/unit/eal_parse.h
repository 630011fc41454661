/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parse a command line in a test: settings in `conf`, the log in `caught`.
 */
#ifndef TEST_EAL_PARSE_H
#define TEST_EAL_PARSE_H

#include "eal_log.h"

#include <pollux/eal.h>

enum { ARGV_MAX = 8, TEXT_MAX = 4096 };

static struct plx_eal_conf conf;

/* Parse NULL-ended arguments behind a program name. */
static inline int parse(const char *const *args)
{
	static char text[ARGV_MAX + 1][TEXT_MAX] = {"prog"};
	char *argv[ARGV_MAX + 2] = {text[0]};
	int argc = 1;

	for (; args[argc - 1]; argc++) {
		argv[argc] = text[argc];
		snprintf(text[argc], TEXT_MAX, "%s", args[argc - 1]);
	}
	plx_eal_conf_fini(&conf);
	catch_log();
	return plx_eal_parse(&conf, argc, argv);
}

static inline void start(void)
{
	plx_eal_conf_init(&conf);
}

#endif
