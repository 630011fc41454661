/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Log lines by module and level, to stderr or syslog: "pollux: igb: error: text".
 *
 * A module declares itself in one .c file, `struct plx_log_module plx_log_igb =
 * PLX_LOG_MODULE("igb");`, and needs no constructor: it joins the list at its first line. A level
 * set beforehand for a name that is not there yet is kept and applied then.
 *
 * Nothing here belongs on the data path: that one counts instead of logging.
 */
#ifndef POLLUX_LOG_H
#define POLLUX_LOG_H

#include <pollux/atomic.h>
#include <pollux/compiler.h>
#include <stdarg.h>
#include <stdbool.h>

PLX_BEGIN_DECLS

enum plx_log_level {
	PLX_LOG_ERR = 1, /* what was asked for failed */
	PLX_LOG_WARN,	 /* it works, with a loss that the user may want to mend */
	PLX_LOG_NOTICE,	 /* normal and worth a line; the default level */
	PLX_LOG_INFO,	 /* what was chosen, found, measured */
	PLX_LOG_DEBUG,
};

/* Fields are private to log.c. */
struct plx_log_module {
	const char *name;
	int level; /* 0 until the first line, then an enum plx_log_level */
	struct plx_log_module *next;
};

#define PLX_LOG_MODULE(name)                                                                       \
	{                                                                                          \
		(name), 0, NULL                                                                    \
	}

/** State of one rate-limited call site; see plx_log_limited(). */
struct plx_log_limit {
	uint64_t window_ns; /* when the running second began */
	uint32_t lines;	    /* written in it */
	uint32_t dropped;   /* held back since the last line that was written */
};

enum { PLX_LOG_LINES_PER_S = 10 };

/**
 * Write one line if @level is within the module's level. Prefer plx_log(), which does not evaluate
 * its arguments when the line is not wanted.
 *
 * @fmt    printf format, without a newline. Lines over 1,000 bytes are cut.
 * Errno   is preserved.
 * Thread  any, not from a signal handler; lines of several threads do not mix. A child of fork()
 *         may log, whatever the parent's threads were doing.
 */
PLX_API void plx_log_write(struct plx_log_module *module, enum plx_log_level level, const char *fmt,
			   ...) PLX_PRINTF(3, 4);

/** Join the list of modules and learn the level; called by plx_log() at a module's first line. */
PLX_API void plx_log_join(struct plx_log_module *module);

/** True when a line of @level would be written. Any thread. */
PLX_INLINE bool plx_log_enabled(struct plx_log_module *module, enum plx_log_level level)
{
	if (plx_unlikely(plx_load_relaxed(&module->level) == 0))
		plx_log_join(module);
	return (int)level <= plx_load_relaxed(&module->level);
}

#define plx_log(module, level, ...)                                                                \
	do {                                                                                       \
		if (plx_log_enabled((module), (level)))                                            \
			plx_log_write((module), (level), __VA_ARGS__);                             \
	} while (0)

/** True when this call site may write now: at most PLX_LOG_LINES_PER_S a second. Any thread. */
PLX_API bool plx_log_limit_pass(struct plx_log_limit *limit, struct plx_log_module *module,
				enum plx_log_level level);

/* As plx_log(), but at most PLX_LOG_LINES_PER_S lines a second from this place; how many were held
 * back is told by the next line that is written. */
#define plx_log_limited(module, level, ...)                                                        \
	do {                                                                                       \
		static struct plx_log_limit plx_log_limit_;                                        \
		if (plx_log_enabled((module), (level)) &&                                          \
		    plx_log_limit_pass(&plx_log_limit_, (module), (level)))                        \
			plx_log_write((module), (level), __VA_ARGS__);                             \
	} while (0)

/**
 * Set levels, as `--log-level` does.
 *
 * @spec   "debug" for all modules, or "igb:debug", "pci*:info" with a shell pattern. Levels: error,
 *         warning, notice, info, debug, or DPDK's numbers 1..8 (4 error, 5 warning, 6 notice,
 *         7 info, 8 debug). DPDK's module names are taken too: lib.eal is eal, pmd.net.ixgbe is
 *         ixgbe. The last spec that matches a module counts.
 * Returns 0, -EINVAL (unknown level, empty pattern: one line is logged), -ENOSPC (over 32 patterns,
 *         a pattern over 31 bytes).
 * Thread  any.
 */
PLX_API int plx_log_set_level(const char *spec);

/** Forget every plx_log_set_level(): back to notice for all modules. Any thread. */
PLX_API void plx_log_reset(void);

enum {
	PLX_LOG_SPECS_MAX = 32,
	PLX_LOG_PATTERN_MAX_BYTES = 32, /* with the NUL */
};

/* All that plx_log_set_level() has set. Fields are private to log.c. */
struct plx_log_spec {
	char pattern[PLX_LOG_PATTERN_MAX_BYTES];
	int level;
};

struct plx_log_levels {
	unsigned nb_specs;
	struct plx_log_spec specs[PLX_LOG_SPECS_MAX];
};

/** Keep what plx_log_set_level() has set so far in @to. Any thread. */
PLX_API void plx_log_levels_save(struct plx_log_levels *to);

/** Set all levels as they were when @from was filled by plx_log_levels_save(). Any thread. */
PLX_API void plx_log_levels_restore(const struct plx_log_levels *from);

/**
 * Send lines to syslog(3) instead of stderr, or back to stderr.
 *
 * @facility  of <syslog.h>, LOG_DAEMON say; no matter when going back
 * Thread     any.
 */
PLX_API void plx_log_use_syslog(bool on, int facility);

/**
 * Give each line to @sink instead (a test, a GUI); NULL goes back.
 *
 * @sink   gets the text without prefix and newline; valid during the call only. It must not log.
 * Thread  any; @sink is called under the log's lock.
 */
typedef void (*plx_log_sink)(void *arg, const char *module, enum plx_log_level level,
			     const char *text);
PLX_API void plx_log_set_sink(plx_log_sink sink, void *arg);

/** "error", "warning", "notice", "info", "debug"; "?" for anything else. Any thread. */
PLX_API const char *plx_log_level_name(enum plx_log_level level);

PLX_END_DECLS

#endif
