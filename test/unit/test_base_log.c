/* SPDX-License-Identifier: BSD-3-Clause */
/* Levels by module and pattern, where lines go and how they look, rate limits, threads. */
#include "log_lines.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

static struct plx_log_module mod_igb = PLX_LOG_MODULE("igb");
static struct plx_log_module mod_pci = PLX_LOG_MODULE("pci_scan");

static void start(void)
{
	log_lines_start();
}

TestSuite(log, .init = start);

/* The highest level that is written. */
static int level_of(struct plx_log_module *module)
{
	int level = 0;

	for (int i = PLX_LOG_ERR; i <= PLX_LOG_DEBUG; i++)
		if (plx_log_enabled(module, (enum plx_log_level)i))
			level = i;
	return level;
}

Test(log, notice_is_the_default)
{
	plx_log(&mod_igb, PLX_LOG_INFO, "not wanted");
	assert_no_line();
	plx_log(&mod_igb, PLX_LOG_NOTICE, "port %d", 3);
	assert_one_line("igb", PLX_LOG_NOTICE, "port 3");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_NOTICE, "%d", level_of(&mod_igb));
}

Test(log, arguments_are_not_evaluated_when_not_wanted)
{
	int nb = 0;

	plx_log(&mod_igb, PLX_LOG_DEBUG, "%d", ++nb);
	cr_assert_eq(nb, 0, "%d", nb);
	plx_log(&mod_igb, PLX_LOG_ERR, "%d", ++nb);
	cr_assert_eq(nb, 1, "%d", nb);
}

static const struct {
	const char *spec;
	int ret, igb, pci;
} specs[] = {
	{"debug", 0, PLX_LOG_DEBUG, PLX_LOG_DEBUG},
	{"INFO", 0, PLX_LOG_INFO, PLX_LOG_INFO},
	{"notice", 0, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"warning", 0, PLX_LOG_WARN, PLX_LOG_WARN},
	{"warn", 0, PLX_LOG_WARN, PLX_LOG_WARN},
	{"error", 0, PLX_LOG_ERR, PLX_LOG_ERR},
	{"err", 0, PLX_LOG_ERR, PLX_LOG_ERR},
	{"1", 0, PLX_LOG_ERR, PLX_LOG_ERR},
	{"4", 0, PLX_LOG_ERR, PLX_LOG_ERR},
	{"5", 0, PLX_LOG_WARN, PLX_LOG_WARN},
	{"6", 0, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"7", 0, PLX_LOG_INFO, PLX_LOG_INFO},
	{"8", 0, PLX_LOG_DEBUG, PLX_LOG_DEBUG},
	{"igb:debug", 0, PLX_LOG_DEBUG, PLX_LOG_NOTICE},
	{"pci*:info", 0, PLX_LOG_NOTICE, PLX_LOG_INFO},
	{"*:error", 0, PLX_LOG_ERR, PLX_LOG_ERR},
	{"ig?:8", 0, PLX_LOG_DEBUG, PLX_LOG_NOTICE},
	{"nobody:debug", 0, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"lib.pci_scan:debug", 0, PLX_LOG_NOTICE, PLX_LOG_DEBUG},
	{"pmd.net.igb:8", 0, PLX_LOG_DEBUG, PLX_LOG_NOTICE},
	{"lib.*:info", 0, PLX_LOG_INFO, PLX_LOG_INFO},
	{"lib.:info", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"loud", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"0", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"9", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"-1", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"7x", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"igb:", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{"igb:loud", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
	{":debug", -EINVAL, PLX_LOG_NOTICE, PLX_LOG_NOTICE},
};

Test(log, each_spec)
{
	for (unsigned i = 0; i < PLX_ARRAY_SIZE(specs); i++) {
		int ret;

		plx_log_reset();
		log_lines_start();
		ret = plx_log_set_level(specs[i].spec);
		cr_assert_eq(ret, specs[i].ret, "'%s': %d, want %d", specs[i].spec, ret,
			     specs[i].ret);
		cr_assert_eq(level_of(&mod_igb), specs[i].igb, "'%s': igb %d, want %d",
			     specs[i].spec, level_of(&mod_igb), specs[i].igb);
		cr_assert_eq(level_of(&mod_pci), specs[i].pci, "'%s': pci %d, want %d",
			     specs[i].spec, level_of(&mod_pci), specs[i].pci);
		if (ret == 0)
			assert_no_line();
		else
			assert_one_line("log", PLX_LOG_ERR, specs[i].spec, "MODULE:LEVEL",
					"error, warning, notice, info, debug");
	}
}

Test(log, the_last_spec_that_matches_counts)
{
	plx_log_set_level("igb:debug");
	plx_log_set_level("error");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_ERR, "%d", level_of(&mod_igb));
	plx_log_set_level("i*:info");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_INFO, "%d", level_of(&mod_igb));
	cr_assert_eq(level_of(&mod_pci), PLX_LOG_ERR, "%d", level_of(&mod_pci));
	plx_log_reset();
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_NOTICE, "%d", level_of(&mod_igb));
}

Test(log, a_level_set_before_the_module_is_there_is_kept)
{
	static struct plx_log_module late = PLX_LOG_MODULE("late");

	plx_log_set_level("late:debug");
	plx_log(&late, PLX_LOG_DEBUG, "here");
	assert_one_line("late", PLX_LOG_DEBUG, "here");
}

Test(log, too_many_specs_and_too_long_ones_are_refused)
{
	int ret = plx_log_set_level("0123456789012345678901234567890:debug");
	char spec[32];

	cr_assert_eq(ret, 0, "31 bytes: %d", ret);
	ret = plx_log_set_level("01234567890123456789012345678901:debug");
	cr_assert_eq(ret, -ENOSPC, "32 bytes: %d", ret);
	assert_one_line("log", PLX_LOG_ERR, "01234567890123456789012345678901:debug", "31 bytes");
	for (int i = 1; i < 32; i++) {
		snprintf(spec, sizeof(spec), "module%d:info", i);
		cr_assert_eq(plx_log_set_level(spec), 0, "%s", spec);
	}
	log_lines_start();
	ret = plx_log_set_level("igb:debug");
	cr_assert_eq(ret, -ENOSPC, "spec 33: %d", ret);
	assert_one_line("log", PLX_LOG_ERR, "32");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_NOTICE, "the refused one counts");
	/* One that is there already takes no further place, and counts as the last. */
	for (int i = 0; i < 100; i++)
		cr_assert_eq(plx_log_set_level("module7:error"), 0, "time %d", i);
}

Test(log, the_same_pattern_again_is_the_last_one)
{
	plx_log_set_level("igb:error");
	plx_log_set_level("i*:debug");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_DEBUG, "%d", level_of(&mod_igb));
	plx_log_set_level("igb:warning");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_WARN, "%d", level_of(&mod_igb));
	plx_log_set_level("i*:info");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_INFO, "%d", level_of(&mod_igb));
}

Test(log, levels_kept_and_set_again)
{
	struct plx_log_levels kept;

	plx_log_set_level("igb:debug");
	plx_log_levels_save(&kept);
	plx_log_set_level("error");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_ERR, "%d", level_of(&mod_igb));
	plx_log_levels_restore(&kept);
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_DEBUG, "%d", level_of(&mod_igb));
	cr_assert_eq(level_of(&mod_pci), PLX_LOG_NOTICE, "%d", level_of(&mod_pci));
	/* What was kept counts before what is added now. */
	plx_log_set_level("igb:warning");
	cr_assert_eq(level_of(&mod_igb), PLX_LOG_WARN, "%d", level_of(&mod_igb));
}

Test(log, long_lines_are_cut)
{
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	plx_log(&mod_igb, PLX_LOG_ERR, "%s", text);
	assert_one_line("igb", PLX_LOG_ERR, "xxxx");
}

Test(log, write_ignores_what_is_no_level)
{
	plx_log_write(&mod_igb, (enum plx_log_level)0, "no level");
	plx_log_write(&mod_igb, (enum plx_log_level)6, "no level");
	assert_no_line();
	plx_log_write(&mod_igb, PLX_LOG_DEBUG, "not wanted");
	assert_no_line();
	plx_log_write(&mod_igb, PLX_LOG_WARN, "wanted");
	assert_one_line("igb", PLX_LOG_WARN, "wanted");
}

Test(log, level_names)
{
	cr_assert_str_eq(plx_log_level_name(PLX_LOG_ERR), "error");
	cr_assert_str_eq(plx_log_level_name(PLX_LOG_WARN), "warning");
	cr_assert_str_eq(plx_log_level_name(PLX_LOG_NOTICE), "notice");
	cr_assert_str_eq(plx_log_level_name(PLX_LOG_INFO), "info");
	cr_assert_str_eq(plx_log_level_name(PLX_LOG_DEBUG), "debug");
	cr_assert_str_eq(plx_log_level_name((enum plx_log_level)0), "?");
	cr_assert_str_eq(plx_log_level_name((enum plx_log_level)6), "?");
}

/* ---- Where lines go ---- */

/* What @fn makes the log write to stderr, in @out. */
static void read_stderr(void (*fn)(void), char *out, size_t size)
{
	int saved = dup(STDERR_FILENO);
	int fds[2];
	ssize_t len;

	cr_assert_eq(pipe2(fds, O_CLOEXEC | O_NONBLOCK), 0);
	cr_assert_geq(dup2(fds[1], STDERR_FILENO), 0);
	plx_log_set_sink(NULL, NULL);
	fn();
	dup2(saved, STDERR_FILENO);
	close(saved);
	close(fds[1]);
	len = read(fds[0], out, size - 1);
	close(fds[0]);
	out[len > 0 ? len : 0] = '\0';
}

static void log_three(void)
{
	plx_log(&mod_igb, PLX_LOG_ERR, "queue %d of %s", 7, "eth0");
	plx_log(&mod_pci, PLX_LOG_WARN, "odd");
	plx_log(&mod_igb, PLX_LOG_INFO, "not wanted");
}

Test(log, a_line_on_stderr)
{
	char text[256];

	read_stderr(log_three, text, sizeof(text));
	cr_assert_str_eq(text, "pollux: igb: error: queue 7 of eth0\n"
			       "pollux: pci_scan: warning: odd\n");
}

static void log_long(void)
{
	/* A line that is longer than its buffer only together with the name. */
	static struct plx_log_module long_name = PLX_LOG_MODULE(
		"0123456789012345678901234567890123456789012345678901234567890123456789");
	char text[3000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	plx_log(&long_name, PLX_LOG_ERR, "%s", text);
}

Test(log, a_long_line_ends_with_a_newline)
{
	char text[4000];
	size_t len;

	read_stderr(log_long, text, sizeof(text));
	len = strlen(text);
	cr_assert(len > 1000 && len < 1200, "%zu bytes", len);
	cr_assert_eq(text[len - 1], '\n');
	cr_assert_eq(strchr(text, '\n'), text + len - 1, "more than one line");
}

static void log_to_syslog(void)
{
	plx_log_use_syslog(true, LOG_DAEMON);
	plx_log_use_syslog(true, LOG_DAEMON);
	plx_log(&mod_igb, PLX_LOG_ERR, "to syslog");
	plx_log_use_syslog(false, 0);
	plx_log_use_syslog(false, 0);
	plx_log(&mod_igb, PLX_LOG_ERR, "to stderr");
}

Test(log, syslog_takes_the_place_of_stderr)
{
	char text[256];

	read_stderr(log_to_syslog, text, sizeof(text));
	cr_assert_str_eq(text, "pollux: igb: error: to stderr\n");
}

static int errno_after;

static void log_to_nobody(void)
{
	close(STDERR_FILENO);
	errno = EPIPE;
	plx_log(&mod_igb, PLX_LOG_ERR, "nobody hears it");
	errno_after = errno;
}

Test(log, a_closed_stderr_is_survived)
{
	char text[16];

	read_stderr(log_to_nobody, text, sizeof(text));
	cr_assert_str_empty(text);
	cr_assert_eq(errno_after, EPIPE, "errno is %d", errno_after);
}

/* ---- Rate limit ---- */

static void complain(int i)
{
	plx_log_limited(&mod_igb, PLX_LOG_ERR, "again %d", i);
}

static void sleep_ms(long ms)
{
	struct timespec ts = {ms / 1000, ms % 1000 * 1000000};

	while (nanosleep(&ts, &ts) < 0 && errno == EINTR)
		;
}

Test(log, ten_lines_a_second_then_the_number_held_back)
{
	struct timespec before, after;

	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 25; i++)
		complain(i);
	clock_gettime(CLOCK_MONOTONIC, &after);
	if (after.tv_sec - before.tv_sec > 1)
		cr_skip_test("needs 25 lines within a second: the machine is too busy");
	cr_assert_geq(log_lines.nb, PLX_LOG_LINES_PER_S, "%u", log_lines.nb);
	cr_assert_lt(log_lines.nb, 25, "%u", log_lines.nb);
	if (log_lines.nb == PLX_LOG_LINES_PER_S) {
		sleep_ms(1050);
		complain(25);
		cr_assert_eq(log_lines.nb, PLX_LOG_LINES_PER_S + 2, "%u", log_lines.nb);
		assert_line(PLX_LOG_LINES_PER_S, "igb", PLX_LOG_ERR,
			    "15 similar lines were held back");
		assert_line(PLX_LOG_LINES_PER_S + 1, "igb", PLX_LOG_ERR, "again 25");
	}
}

Test(log, each_place_has_its_own_limit)
{
	struct plx_log_limit one = {0}, other = {0};

	for (int i = 0; i < PLX_LOG_LINES_PER_S; i++)
		plx_log_limit_pass(&one, &mod_igb, PLX_LOG_ERR);
	cr_assert(plx_log_limit_pass(&other, &mod_igb, PLX_LOG_ERR));
}

Test(log, lines_that_are_not_wanted_do_not_count)
{
	for (int i = 0; i < 100; i++)
		plx_log_limited(&mod_igb, PLX_LOG_DEBUG, "quiet");
	for (int i = 0; i < 5; i++)
		complain(i);
	cr_assert_eq(log_lines.nb, 5, "%u", log_lines.nb);
}

/* ---- Threads ---- */

enum { THREADS = 4, LINES = 500 };

static void *log_many(void *arg)
{
	static struct plx_log_module mods[THREADS] = {PLX_LOG_MODULE("t0"), PLX_LOG_MODULE("t1"),
						      PLX_LOG_MODULE("t2"), PLX_LOG_MODULE("t3")};
	int self = *(int *)arg;

	for (int i = 0; i < LINES; i++)
		plx_log(&mods[(self + i) % THREADS], PLX_LOG_ERR, "%d:%d", self, i);
	return NULL;
}

static int next_of[THREADS];

static void count_sink(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	int self, i;

	(void)module;
	(void)level;
	if (sscanf(text, "%d:%d", &self, &i) != 2 || next_of[self] != i)
		*(bool *)arg = true;
	next_of[self]++;
}

Test(log, lines_of_several_threads_do_not_mix)
{
	pthread_t threads[THREADS];
	int selves[THREADS];
	bool mixed = false;

	plx_log_set_sink(count_sink, &mixed);
	for (int i = 0; i < THREADS; i++) {
		selves[i] = i;
		cr_assert_eq(pthread_create(&threads[i], NULL, log_many, &selves[i]), 0);
	}
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
	cr_assert_not(mixed);
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(next_of[i], LINES, "thread %d: %d", i, next_of[i]);
}

/* A child of fork() logs, whatever its parent's threads were doing at that moment. */
static void *log_on(void *arg)
{
	while (!plx_load_relaxed((bool *)arg))
		plx_log(&mod_igb, PLX_LOG_ERR, "again");
	return NULL;
}

static void drop_line(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
}

Test(log, a_child_of_fork_can_log, .timeout = 60)
{
	bool stop = false;
	pthread_t thread;

	plx_log_set_sink(drop_line, NULL);
	cr_assert_eq(pthread_create(&thread, NULL, log_on, &stop), 0);
	for (int i = 0; i < 100; i++) {
		pid_t child = fork();
		int status = -1;

		if (child == 0) {
			alarm(10);
			plx_log(&mod_igb, PLX_LOG_ERR, "from the child");
			_exit(0);
		}
		cr_assert_gt(child, 0);
		cr_assert_eq(waitpid(child, &status, 0), child);
		cr_assert_eq(status, 0, "child %d hung or died: status %#x", i, status);
	}
	plx_store_relaxed(&stop, true);
	pthread_join(thread, NULL);
}
