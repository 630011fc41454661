/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The log: a list of modules, a list of level specs, and one place where lines go. All state is
 * guarded by one mutex; the only thing read without it is a module's level.
 */
#include <errno.h>
#include <fnmatch.h>
#include <pollux/log.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

enum {
	SPECS_MAX = PLX_LOG_SPECS_MAX,
	PATTERN_MAX = PLX_LOG_PATTERN_MAX_BYTES,
	LINE_MAX_BYTES = 1024,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct plx_log_module *modules;
static struct plx_log_levels levels;
static bool to_syslog;
static plx_log_sink the_sink;
static void *the_sink_arg;

static struct plx_log_module log_self = PLX_LOG_MODULE("log");

extern inline bool plx_log_enabled(struct plx_log_module *module, enum plx_log_level level);

/* Indexed by level; DPDK's number of a level is its index here plus 3. */
static const char *const level_names[] = {NULL, "error", "warning", "notice", "info", "debug"};

const char *plx_log_level_name(enum plx_log_level level)
{
	return level >= PLX_LOG_ERR && level <= PLX_LOG_DEBUG ? level_names[level] : "?";
}

static int level_of(const char *name)
{
	char *end;
	long number;

	for (int level = PLX_LOG_ERR; level <= PLX_LOG_DEBUG; level++)
		if (strcasecmp(name, level_names[level]) == 0)
			return level;
	if (strcasecmp(name, "err") == 0)
		return PLX_LOG_ERR;
	if (strcasecmp(name, "warn") == 0)
		return PLX_LOG_WARN;
	number = strtol(name, &end, 10);
	if (end == name || *end || number < 1 || number > 8)
		return -EINVAL;
	/* 1..3 are DPDK's emergency, alert and critical: nothing here is louder than an error. */
	return number <= 4 ? PLX_LOG_ERR : (int)number - 3;
}

static void apply_specs(struct plx_log_module *module)
{
	int level = PLX_LOG_NOTICE;

	for (unsigned i = 0; i < levels.nb_specs; i++)
		if (fnmatch(levels.specs[i].pattern, module->name, 0) == 0)
			level = levels.specs[i].level;
	plx_store_relaxed(&module->level, level);
}

/* The thread that held the lock is not in the child; all that it guards stays usable
 * half-changed. */
static void forget_lock(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
}

static void watch_fork(void)
{
	(void)pthread_atfork(NULL, NULL, forget_lock);
}

void plx_log_join(struct plx_log_module *module)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, watch_fork);
	pthread_mutex_lock(&lock);
	if (module->level == 0) {
		module->next = modules;
		modules = module;
		apply_specs(module);
	}
	pthread_mutex_unlock(&lock);
}

/* The last spec counts, so one for the same pattern is taken out before it is added again. */
static void remove_spec(const char *pattern, size_t len)
{
	for (unsigned i = 0; i < levels.nb_specs; i++) {
		if (strlen(levels.specs[i].pattern) != len ||
		    memcmp(levels.specs[i].pattern, pattern, len) != 0)
			continue;
		levels.nb_specs--;
		memmove(&levels.specs[i], &levels.specs[i + 1],
			(levels.nb_specs - i) * sizeof(levels.specs[0]));
		return;
	}
}

static int add_spec(const char *pattern, size_t len, int level)
{
	int ret = 0;

	pthread_mutex_lock(&lock);
	remove_spec(pattern, len);
	if (levels.nb_specs == SPECS_MAX) {
		ret = -ENOSPC;
	} else {
		struct plx_log_spec *spec = &levels.specs[levels.nb_specs++];

		memcpy(spec->pattern, pattern, len);
		spec->pattern[len] = '\0';
		spec->level = level;
		for (struct plx_log_module *m = modules; m; m = m->next)
			apply_specs(m);
	}
	pthread_mutex_unlock(&lock);
	if (ret)
		plx_log(&log_self, PLX_LOG_ERR, "more than %d log level settings", SPECS_MAX);
	return ret;
}

/* DPDK's module names are lib.eal and pmd.net.ixgbe, ours are eal and ixgbe. */
static const char *skip_dpdk_prefix(const char *pattern)
{
	static const char *const prefixes[] = {"lib.", "pmd.net."};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(prefixes); i++)
		if (strncmp(pattern, prefixes[i], strlen(prefixes[i])) == 0)
			return pattern + strlen(prefixes[i]);
	return pattern;
}

int plx_log_set_level(const char *spec)
{
	const char *colon = strrchr(spec, ':');
	const char *name = colon ? colon + 1 : spec;
	const char *pattern = colon ? skip_dpdk_prefix(spec) : "*";
	size_t len = colon ? (size_t)(colon - pattern) : 1;
	int level = level_of(name);

	if (level < 0 || len == 0) {
		plx_log(&log_self, PLX_LOG_ERR,
			"log level '%s': want LEVEL or MODULE:LEVEL, LEVEL one of error, warning, "
			"notice, info, debug",
			spec);
		return -EINVAL;
	}
	if (len >= PATTERN_MAX) {
		plx_log(&log_self, PLX_LOG_ERR, "log level '%s': the pattern is over %d bytes",
			spec, PATTERN_MAX - 1);
		return -ENOSPC;
	}
	return add_spec(pattern, len, level);
}

void plx_log_levels_save(struct plx_log_levels *to)
{
	pthread_mutex_lock(&lock);
	*to = levels;
	pthread_mutex_unlock(&lock);
}

void plx_log_levels_restore(const struct plx_log_levels *from)
{
	pthread_mutex_lock(&lock);
	levels = *from;
	for (struct plx_log_module *m = modules; m; m = m->next)
		apply_specs(m);
	pthread_mutex_unlock(&lock);
}

void plx_log_reset(void)
{
	static const struct plx_log_levels none;

	plx_log_levels_restore(&none);
}

void plx_log_use_syslog(bool on, int facility)
{
	pthread_mutex_lock(&lock);
	if (to_syslog)
		closelog();
	if (on)
		openlog("pollux", LOG_PID, facility);
	to_syslog = on;
	pthread_mutex_unlock(&lock);
}

void plx_log_set_sink(plx_log_sink sink, void *arg)
{
	pthread_mutex_lock(&lock);
	the_sink = sink;
	the_sink_arg = arg;
	pthread_mutex_unlock(&lock);
}

static void write_line(const char *module, enum plx_log_level level, const char *text)
{
	static const int priorities[] = {0, LOG_ERR, LOG_WARNING, LOG_NOTICE, LOG_INFO, LOG_DEBUG};
	char line[LINE_MAX_BYTES + 64];
	int len;

	if (the_sink) {
		the_sink(the_sink_arg, module, level, text);
	} else if (to_syslog) {
		syslog(priorities[level], "%s: %s", module, text);
	} else {
		len = snprintf(line, sizeof(line), "pollux: %s: %s: %s\n", module,
			       level_names[level], text);
		if (len >= (int)sizeof(line)) {
			len = sizeof(line) - 1;
			line[len - 1] = '\n';
		}
		/* One write a line, so that lines of several processes do not mix either. */
		if (write(STDERR_FILENO, line, (size_t)len) < 0)
			return; /* stderr is closed: there is nowhere to say so */
	}
}

void plx_log_write(struct plx_log_module *module, enum plx_log_level level, const char *fmt, ...)
{
	char text[LINE_MAX_BYTES];
	int saved_errno = errno;
	va_list args;

	if (level < PLX_LOG_ERR || level > PLX_LOG_DEBUG || !plx_log_enabled(module, level))
		return;
	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	pthread_mutex_lock(&lock);
	write_line(module->name, level, text);
	pthread_mutex_unlock(&lock);
	errno = saved_errno;
}

bool plx_log_limit_pass(struct plx_log_limit *limit, struct plx_log_module *module,
			enum plx_log_level level)
{
	struct timespec ts;
	uint32_t dropped = 0;
	uint64_t now_ns;
	bool pass = true;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	now_ns = (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
	pthread_mutex_lock(&lock);
	if (limit->window_ns == 0 || now_ns - limit->window_ns >= 1000000000u) {
		dropped = limit->dropped;
		*limit = (struct plx_log_limit){.window_ns = now_ns};
	}
	if (limit->lines < PLX_LOG_LINES_PER_S) {
		limit->lines++;
	} else {
		limit->dropped++;
		pass = false;
	}
	pthread_mutex_unlock(&lock);
	if (dropped)
		plx_log_write(module, level, "%u similar lines were held back", dropped);
	return pass;
}
