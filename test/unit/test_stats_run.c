/* SPDX-License-Identifier: BSD-3-Clause */
/* Who takes samples and where they go: lcore, thread, terminal, pipes and files that fail. */
#include "log_lines.h"
#include "stats_port.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

enum { AN_HOUR_MS = 3600000 };

static char path[64];

static void scratch_file(void)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/test_stats.XXXXXX");
	fd = mkstemp(path);
	cr_assert_geq(fd, 0);
	close(fd);
}

/* All of a file; free() it. */
static char *content(const char *name)
{
	FILE *in = fopen(name, "re");
	char *text = NULL;
	size_t room = 0;

	cr_assert(in, "%s: %s", name, strerror(errno));
	if (getdelim(&text, &room, '\0', in) < 0)
		text = strdup("");
	fclose(in);
	return text;
}

static unsigned count(const char *text, const char *part)
{
	unsigned nb = 0;

	for (; (text = strstr(text, part)) != NULL; text += strlen(part))
		nb++;
	return nb;
}

/* @text is @nb whole samples; the last one is told to be it. */
static void assert_samples(const char *text, unsigned nb, bool ends)
{
	cr_assert_eq(count(text, "{\"time_ns\":"), nb, "want %u samples: %s", nb, text);
	cr_assert_eq(count(text, "]}\n"), nb, "want %u whole samples: %s", nb, text);
	cr_assert_eq(count(text, "\n"), nb, "want %u lines: %s", nb, text);
	cr_assert_eq(count(text, "\"last\":true"), ends ? 1 : 0, "%s", text);
}

static int stop_soon(void *arg)
{
	(void)arg;
	usleep(1000);
	plx_stop_request();
	return 0;
}

/* The period is an hour, the stop is seen all the same: the test would not end otherwise. */
Test(stats_run, lcore_until_the_stop)
{
	struct plx_stats_conf conf = {.period_ms = AN_HOUR_MS, .json_path = path};
	char *text;
	int ret = -1;

	scratch_file();
	start_fakes(2);
	add_fake("net_fake0", 1);
	must(plx_lcore_launch(1, plx_stats_run, &conf));
	stop_soon(NULL);
	must(plx_lcore_wait(1, &ret));
	cr_assert_eq(ret, 0);
	text = content(path);
	assert_samples(text, 2, true);
	cr_assert(strstr(text, "\"name\":\"net_fake0\""), "%s", text);
	free(text);
	unlink(path);
	plx_port_fini();
	plx_eal_fini();
}

Test(stats_run, lcore_tells_what_failed)
{
	struct plx_stats_conf conf = {.json_path = "/nonexistent/stats.json"};

	log_lines_start();
	cr_assert_eq(plx_stats_run(&conf), -ENOENT);
	assert_one_line("stats", PLX_LOG_ERR, "/nonexistent/stats.json", "No such file");
}

/* CPUs of the thread of that name. */
static cpu_set_t cpus_of_thread(const char *name)
{
	char comm[300], *text;
	struct dirent *entry;
	cpu_set_t cpus;
	DIR *dir = opendir("/proc/self/task");

	CPU_ZERO(&cpus);
	while ((entry = readdir(dir)) != NULL) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(comm, sizeof(comm), "/proc/self/task/%s/comm", entry->d_name);
		text = content(comm);
		if (strncmp(text, name, strlen(name)) == 0)
			sched_getaffinity(atoi(entry->d_name), sizeof(cpus), &cpus);
		free(text);
	}
	closedir(dir);
	return cpus;
}

Test(stats_run, thread)
{
	struct plx_stats_conf conf = {.period_ms = AN_HOUR_MS, .json_path = path};
	struct plx_stats *stats;
	cpu_set_t all, mine, its;
	char *text;

	scratch_file();
	sched_getaffinity(0, sizeof(all), &all);
	start_fakes(1);
	sched_getaffinity(0, sizeof(mine), &mine);
	must(plx_stats_start(&conf, &stats));
	its = cpus_of_thread("plx-stats");
	if (CPU_COUNT(&all) > 1)
		CPU_XOR(&all, &all, &mine);
	cr_assert(CPU_EQUAL(&its, &all), "on %d CPUs, want %d others than the lcore's",
		  CPU_COUNT(&its), CPU_COUNT(&all));
	plx_stop_request(); /* is no business of it */
	add_fake("net_fake0", 1);
	fake_rx(0, 0)->packets = 77;
	plx_stats_stop(stats);
	text = content(path);
	cr_assert_geq(count(text, "\n"), 1);
	cr_assert_leq(count(text, "\n"), 2);
	assert_samples(text, count(text, "\n"), true);
	cr_assert(strstr(strstr(text, "\"last\":true"), "\"packets\":77"), "%s", text);
	free(text);
	unlink(path);
	plx_port_fini();
	plx_eal_fini();
}

Test(stats_run, thread_again_and_again)
{
	struct plx_stats_conf conf = {.period_ms = PLX_STATS_PERIOD_MIN_MS};
	unsigned nb_fds = nb_entries("/proc/self/fd");
	unsigned nb_tasks = nb_entries("/proc/self/task");
	struct plx_stats *stats;

	for (unsigned i = 0; i < 200; i++) {
		must(plx_stats_start(&conf, &stats));
		plx_stats_stop(stats);
	}
	/* A thread that was joined is seen there for a moment longer. */
	for (unsigned i = 0; i < 10000 && nb_entries("/proc/self/task") > nb_tasks; i++)
		usleep(1000);
	cr_assert_eq(nb_entries("/proc/self/task"), nb_tasks);
	cr_assert_eq(nb_entries("/proc/self/fd"), nb_fds);
}

/* ---- the display ---- */

/* A terminal of 100 x 30 whose other end the test reads. */
static int open_terminal(FILE **out)
{
	struct winsize size = {.ws_col = 100, .ws_row = 30};
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
	char name[64];

	cr_assert_geq(master, 0);
	must(grantpt(master));
	must(unlockpt(master));
	must(ptsname_r(master, name, sizeof(name)));
	*out = fopen(name, "w");
	cr_assert(*out);
	must(ioctl(master, TIOCSWINSZ, &size));
	return master;
}

static char shown[16384];

/* A terminal hands on what was written in pieces: read until it has been quiet for a while. */
static const char *show(struct plx_stats *stats, int from)
{
	struct pollfd ready = {.fd = from, .events = POLLIN};
	size_t got = 0;
	ssize_t nb;

	must(plx_stats_show(stats));
	while (poll(&ready, 1, got == 0 ? 10000 : 100) > 0) {
		nb = read(from, shown + got, sizeof(shown) - 1 - got);
		cr_assert_gt(nb, 0);
		got += (size_t)nb;
	}
	shown[got] = '\0';
	return shown;
}

Test(stats_run, table_on_a_terminal)
{
	struct plx_stats_conf conf = {.title = "a title"};
	struct winsize size = {.ws_col = 20, .ws_row = 5};
	struct plx_stats *stats;
	char again[32];
	int master = open_terminal(&conf.out);
	unsigned nb;

	setenv("TERM", "xterm", 1);
	start_fakes(1);
	add_fake("net_fake0", 1);
	must(plx_stats_create(&conf, &stats));
	show(stats, master);
	cr_assert_eq(shown, strstr(shown, "a title, 0.0 s\r\n"), "%s", shown);
	cr_assert(!strchr(shown, '\033'), "%s", shown);
	nb = count(shown, "\n");
	snprintf(again, sizeof(again), "\r\033[%uA\033[Ja title, ", nb);
	show(stats, master);
	cr_assert_eq(shown, strstr(shown, again), "want %u lines up: %s", nb, shown);
	must(ioctl(master, TIOCSWINSZ, &size));
	show(stats, master);
	cr_assert_eq(shown, strstr(shown, "\033[H\033[2Ja title, "), "%s", shown);
	cr_assert_eq(count(shown, "\n"), 4, "%s", shown);
	cr_assert(strstr(shown, "\n... and "), "%s", shown);
	size.ws_col = 21;
	must(ioctl(master, TIOCSWINSZ, &size));
	show(stats, master);
	cr_assert_eq(shown, strstr(shown, "\033[H\033[2Ja title, "), "%s", shown);
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
}

/* Not a terminal, or one that says it can do nothing, or asked for. */
Test(stats_run, lines_elsewhere)
{
	for (unsigned i = 0; i < 3; i++) {
		struct plx_stats_conf conf = {.title = "a title"};
		struct plx_stats *stats;
		int from, fds[2];

		setenv("TERM", i == 1 ? "dumb" : "xterm", 1);
		if (i == 0) {
			must(pipe(fds));
			from = fds[0];
			conf.out = fdopen(fds[1], "w");
		} else {
			from = open_terminal(&conf.out);
		}
		if (i == 2)
			conf.mode = PLX_STATS_LINES;
		start_fakes(1);
		add_fake("net_fake0", 1);
		must(plx_stats_create(&conf, &stats));
		show(stats, from);
		show(stats, from);
		cr_assert(!strchr(shown, '\033'), "%u: %s", i, shown);
		cr_assert(strstr(shown, " s port 0 net_fake0 rx q0: 0 packets/s,"), "%u: %s", i,
			  shown);
		plx_stats_destroy(stats);
		plx_port_fini();
		plx_mempool_destroy(fake_pool);
		fake_pool = NULL;
		plx_eal_fini();
		fclose(conf.out);
		close(from);
	}
}

/* ---- what can't be written ---- */

Test(stats_run, full_disk)
{
	struct plx_stats_conf conf = {.json_path = "/dev/full"};
	struct plx_stats *stats;

	conf.out = fopen("/dev/full", "w");
	must(plx_stats_create(&conf, &stats));
	log_lines_start();
	for (unsigned i = 0; i < 5; i++)
		must(plx_stats_show(stats));
	cr_assert_eq(log_lines_with("JSON file '/dev/full': No space left on device"), 1);
	cr_assert_eq(log_lines_with("display: No space left"), 0,
		     "nothing to show is nothing to write: %s", log_lines_text(1));
	start_fakes(1);
	add_fake("net_fake0", 1);
	log_lines_start();
	for (unsigned i = 0; i < 5; i++)
		must(plx_stats_show(stats));
	assert_one_line("stats", PLX_LOG_WARN, "display: No space left on device");
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
}

/* A file that may not grow keeps whole samples only, and goes on when it may. */
Test(stats_run, file_is_cut_at_a_line)
{
	struct plx_stats_conf conf = {.json_path = path};
	struct rlimit limit, small;
	struct plx_stats *stats;
	struct stat stat_one;
	char *text;

	scratch_file();
	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	must(plx_stats_create(&conf, &stats));
	must(plx_stats_show(stats));
	must(stat(path, &stat_one));
	small = limit;
	small.rlim_cur = (rlim_t)stat_one.st_size * 5 / 2;
	must(setrlimit(RLIMIT_FSIZE, &small));
	log_lines_start();
	for (unsigned i = 0; i < 6; i++)
		must(plx_stats_show(stats));
	assert_one_line("stats", PLX_LOG_WARN, path, "File too large");
	text = content(path);
	assert_samples(text, 2, false);
	free(text);
	must(setrlimit(RLIMIT_FSIZE, &limit));
	must(plx_stats_show(stats));
	text = content(path);
	assert_samples(text, 3, false);
	free(text);
	plx_stats_destroy(stats);
	unlink(path);
}

static int make_pipe(void)
{
	scratch_file();
	unlink(path);
	must(mkfifo(path, 0600));
	return open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
}

/* A reader that sleeps stops nobody; what it gets are whole lines, but for those cut by the gap. */
Test(stats_run, slow_reader)
{
	struct plx_stats_conf conf = {.json_path = path};
	struct plx_stats *stats;
	char *all = calloc(1, 1 << 20), *line;
	unsigned nb_shown = 0, nb_whole = 0, nb_torn = 0;
	size_t got = 0;
	ssize_t nb;
	int from = make_pipe();

	start_fakes(1);
	for (unsigned i = 0; i < 4; i++) { /* a sample is more than PIPE_BUF, so it is torn */
		char name[16];

		snprintf(name, sizeof(name), "net_fake%u", i);
		add_fake(name, FAKE_QUEUES);
	}
	must(plx_stats_create(&conf, &stats));
	log_lines_start();
	while (log_lines.nb == 0) {
		must(plx_stats_show(stats));
		cr_assert_lt(++nb_shown, 100000);
	}
	assert_one_line("stats", PLX_LOG_WARN, path, "its reader is too slow");
	while ((nb = read(from, all + got, (1 << 20) - 1 - got)) > 0)
		got += (size_t)nb;
	for (unsigned i = 0; i < 3; i++)
		must(plx_stats_show(stats));
	nb = read(from, all + got, (1 << 20) - 1 - got);
	cr_assert_gt(nb, 0);
	for (line = strtok(all, "\n"); line; line = strtok(NULL, "\n")) {
		bool is_whole = strncmp(line, "{\"time_ns\"", 10) == 0 &&
				strcmp(line + strlen(line) - 2, "]}") == 0 &&
				count(line, "time_ns") == 1;

		nb_whole += is_whole;
		nb_torn += !is_whole;
	}
	cr_assert_eq(nb_whole, nb_shown - 1 + 3, "%u whole lines of %u", nb_whole, nb_shown);
	cr_assert_leq(nb_torn, 1);
	cr_assert_eq(log_lines.nb, 1);
	plx_stats_destroy(stats);
	plx_port_fini();
	plx_eal_fini();
	close(from);
	unlink(path);
}

/* Without SIGPIPE, which would end the program. */
Test(stats_run, reader_is_gone)
{
	struct plx_stats_conf conf = {.json_path = path};
	struct plx_stats *stats;
	sigset_t pending;
	int from = make_pipe();

	must(plx_stats_create(&conf, &stats));
	close(from);
	log_lines_start();
	for (unsigned i = 0; i < 3; i++)
		must(plx_stats_show(stats));
	assert_one_line("stats", PLX_LOG_WARN, path, "Broken pipe");
	sigpending(&pending);
	cr_assert_eq(sigismember(&pending, SIGPIPE), 0);
	plx_stats_destroy(stats);
	log_lines_start();
	cr_assert_eq(plx_stats_create(&conf, &stats), -ENXIO);
	assert_one_line("stats", PLX_LOG_ERR, path, "nobody reads this pipe");
	unlink(path);
}

Test(stats_run, json_to_stdout)
{
	struct plx_stats_conf conf = {.json_path = "-"};
	struct plx_stats *stats;
	int fds[2], saved = dup(STDOUT_FILENO);

	must(pipe(fds));
	dup2(fds[1], STDOUT_FILENO);
	must(plx_stats_create(&conf, &stats));
	show(stats, fds[0]);
	plx_stats_destroy(stats);
	cr_assert_geq(fcntl(STDOUT_FILENO, F_GETFD), 0, "stdout was closed");
	dup2(saved, STDOUT_FILENO);
	assert_samples(shown, 1, false);
}
