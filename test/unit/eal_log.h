/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Catches the log of one test: how many lines, the last error, the last line. For Criterion tests,
 * which have a process each.
 */
#ifndef TEST_EAL_LOG_H
#define TEST_EAL_LOG_H

#include <pollux/log.h>
#include <stdio.h>

static struct caught {
	unsigned nb_errors;
	unsigned nb_lines;
	char error[1024];
	char last[1024];
} caught;

static void catch_line(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	caught.nb_lines++;
	snprintf(caught.last, sizeof(caught.last), "%s", text);
	if (level == PLX_LOG_ERR) {
		caught.nb_errors++;
		snprintf(caught.error, sizeof(caught.error), "%s", text);
	}
}

static inline void catch_log(void)
{
	caught = (struct caught){0};
	plx_log_set_sink(catch_line, NULL);
}

#endif
