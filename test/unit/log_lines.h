/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keeps the log lines of a test, so that "one line that names what is wrong" can be asserted. For
 * Criterion tests, which have a process each.
 */
#ifndef TEST_LOG_LINES_H
#define TEST_LOG_LINES_H

#include <criterion/criterion.h>
#include <pollux/log.h>
#include <stdio.h>
#include <string.h>

enum { LOG_LINES_MAX = 64 };

static struct log_lines {
	unsigned nb;
	struct {
		enum plx_log_level level;
		char module[16];
		char text[600];
	} line[LOG_LINES_MAX];
} log_lines;

static void log_lines_sink(void *arg, const char *module, enum plx_log_level level,
			   const char *text)
{
	(void)arg;
	if (log_lines.nb < LOG_LINES_MAX) {
		log_lines.line[log_lines.nb].level = level;
		snprintf(log_lines.line[log_lines.nb].module, 16, "%s", module);
		snprintf(log_lines.line[log_lines.nb].text, 600, "%s", text);
	}
	log_lines.nb++;
}

/* Forget the lines and keep those that come. */
static inline void log_lines_start(void)
{
	log_lines.nb = 0;
	plx_log_set_sink(log_lines_sink, NULL);
}

/* Lines that hold @part. */
static inline unsigned log_lines_with(const char *part)
{
	unsigned nb = 0;

	for (unsigned i = 0; i < log_lines.nb && i < LOG_LINES_MAX; i++)
		nb += strstr(log_lines.line[i].text, part) != NULL;
	return nb;
}

static inline const char *log_lines_text(unsigned i)
{
	return i < log_lines.nb && i < LOG_LINES_MAX ? log_lines.line[i].text : "(no line)";
}

/* Line @i is of this module and level and holds each of the words (NULL-ended). */
static inline void assert_line_(int at, unsigned i, const char *module, enum plx_log_level level,
				const char *const *words)
{
	cr_assert_gt(log_lines.nb, i, "line %d: %u log lines, want one more", at, log_lines.nb);
	cr_assert_str_eq(log_lines.line[i].module, module, "line %d: module %s, want %s: %s", at,
			 log_lines.line[i].module, module, log_lines.line[i].text);
	cr_assert_eq(log_lines.line[i].level, level, "line %d: level %d, want %d: %s", at,
		     log_lines.line[i].level, level, log_lines.line[i].text);
	for (; *words; words++)
		cr_assert(strstr(log_lines.line[i].text, *words), "line %d: no '%s' in: %s", at,
			  *words, log_lines.line[i].text);
}

#define assert_line(i, module, level, ...)                                                         \
	assert_line_(__LINE__, (i), (module), (level), (const char *const[]){__VA_ARGS__, NULL})

/* As assert_line(), and it is the only one since log_lines_start(). */
#define assert_one_line(module, level, ...)                                                        \
	do {                                                                                       \
		cr_assert_eq(log_lines.nb, 1, "%u lines, want 1: %s / %s", log_lines.nb,           \
			     log_lines_text(0), log_lines_text(1));                                \
		assert_line(0, (module), (level), __VA_ARGS__);                                    \
	} while (0)

#define assert_no_line() cr_assert_eq(log_lines.nb, 0, "a line: %s", log_lines_text(0))

#endif
