/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Takes samples and shows them: in a loop of the application's, in an lcore, or in a thread of its
 * own. The two readings change places with each sample.
 */
#include "stats_private.h"

#include <errno.h>
#include <pollux/clock.h>
#include <pollux/lcore.h>
#include <pollux/stop.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

struct plx_stats {
	struct plx_stats_conf conf;
	char *title, *json_path;
	bool is_table, complained;
	struct stats_file json;

	struct stats_reading *now, *before;
	bool has_before;
	struct stats_xstats xstats;
	struct stats_result result;
	uint64_t since_ns;

	/* of the table on the terminal */
	unsigned nb_lines, columns, rows;

	/* of plx_stats_start() */
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	bool stop; /* under lock */
};

struct plx_log_module stats_log = PLX_LOG_MODULE("stats");

static bool is_terminal(FILE *out)
{
	const char *term = getenv("TERM");

	return isatty(fileno(out)) && term && strcmp(term, "dumb") != 0;
}

static int check(const struct plx_stats_conf *conf)
{
	if (conf->period_ms != 0 && (conf->period_ms < PLX_STATS_PERIOD_MIN_MS ||
				     conf->period_ms > PLX_STATS_PERIOD_MAX_MS)) {
		LOG_ERR("period of %u ms: want %d to %d", conf->period_ms, PLX_STATS_PERIOD_MIN_MS,
			PLX_STATS_PERIOD_MAX_MS);
		return -EINVAL;
	}
	if (conf->mode > PLX_STATS_LINES) {
		LOG_ERR("mode %d: want one of enum plx_stats_mode", (int)conf->mode);
		return -EINVAL;
	}
	return 0;
}

static int copy(char **to, const char *from)
{
	*to = from ? strdup(from) : NULL;
	return from && !*to ? -ENOMEM : 0;
}

int plx_stats_create(const struct plx_stats_conf *conf, struct plx_stats **stats)
{
	static const struct plx_stats_conf nothing;
	struct plx_stats *new;
	int ret;

	if (!stats)
		return -EINVAL;
	if (!conf)
		conf = &nothing;
	ret = check(conf);
	if (ret)
		return ret;
	new = calloc(1, sizeof(*new));
	if (!new)
		return -ENOMEM;
	new->json.fd = -1;
	new->conf = *conf;
	if (conf->period_ms == 0)
		new->conf.period_ms = PLX_STATS_PERIOD_MS;
	if (conf->out)
		new->is_table = conf->mode == PLX_STATS_TABLE ||
				(conf->mode == PLX_STATS_AUTO && is_terminal(conf->out));
	new->now = calloc(1, sizeof(*new->now));
	new->before = calloc(1, sizeof(*new->before));
	ret = new->now &&new->before ? 0 : -ENOMEM;
	if (ret == 0)
		ret = copy(&new->title, conf->title);
	if (ret == 0)
		ret = copy(&new->json_path, conf->json_path);
	if (ret == 0)
		ret = stats_file_open(&new->json, new->json_path);
	if (ret) {
		plx_stats_destroy(new);
		return ret;
	}
	*stats = new;
	return 0;
}

void plx_stats_destroy(struct plx_stats *stats)
{
	if (!stats)
		return;
	stats_file_close(&stats->json);
	free(stats->json_path);
	free(stats->title);
	stats_reading_free(stats->now);
	stats_reading_free(stats->before);
	free(stats->result.drops);
	free(stats->xstats.list);
	free(stats);
}

int plx_stats_sample(struct plx_stats *stats, const struct plx_stats_sample **sample)
{
	struct stats_reading *reading;
	int ret;

	if (!stats || !sample)
		return -EINVAL;
	reading = stats->now;
	ret = stats_read(stats->conf.ports, &stats->xstats, reading);
	if (ret == 0)
		ret = stats_rates(stats->has_before ? stats->before : NULL, reading,
				  &stats->result);
	if (ret)
		return ret;
	if (!stats->has_before)
		stats->since_ns = reading->time_ns;
	stats->has_before = true;
	stats->now = stats->before;
	stats->before = reading;
	*sample = &stats->result.sample;
	return 0;
}

/* ---- showing ---- */

static unsigned environment_number(const char *name, unsigned otherwise)
{
	const char *text = getenv(name);
	unsigned long value = text ? strtoul(text, NULL, 10) : 0;

	return value > 0 && value < 10000 ? (unsigned)value : otherwise;
}

static void window_size(FILE *out, unsigned *columns, unsigned *rows)
{
	struct winsize size = {0};

	if (ioctl(fileno(out), TIOCGWINSZ, &size) != 0)
		size.ws_col = size.ws_row = 0;
	*columns = size.ws_col > 0 ? size.ws_col : environment_number("COLUMNS", 80);
	*rows = size.ws_row > 0 ? size.ws_row : environment_number("LINES", 24);
}

/* Over the table before. In a window of another size nobody knows where that one is. */
static void go_home(struct plx_stats *stats, FILE *to, const struct stats_view *view)
{
	if (stats->nb_lines > 0 && stats->columns == view->columns && stats->rows == view->rows)
		fprintf(to, "\r\033[%uA\033[J", stats->nb_lines);
	else if (stats->nb_lines > 0)
		fputs("\033[H\033[2J", to);
	stats->columns = view->columns;
	stats->rows = view->rows;
}

/* The text of a sample, in memory so that it is written at once. */
static void print(struct plx_stats *stats, bool last, FILE *to)
{
	const struct plx_stats_sample *sample = &stats->result.sample;
	struct stats_view view = {
		.title = stats->title,
		.since_ns = stats->since_ns,
		.last = last,
	};

	if (!stats->is_table) {
		stats_print_lines(sample, &view, to);
		return;
	}
	window_size(stats->conf.out, &view.columns, &view.rows);
	go_home(stats, to, &view);
	stats->nb_lines = stats_print_table(sample, &view, to);
}

/* The end of a stream into memory: 0 with all of the text, or -ENOMEM with nothing to free. */
static int finish(FILE *to, char **text)
{
	bool is_whole = !ferror(to);

	is_whole &= fclose(to) == 0;
	if (is_whole && *text)
		return 0;
	free(*text);
	return -ENOMEM;
}

static int show_text(struct plx_stats *stats, bool last)
{
	FILE *out = stats->conf.out, *to;
	char *text = NULL;
	size_t bytes = 0;
	bool is_written;

	to = open_memstream(&text, &bytes);
	if (!to)
		return -ENOMEM;
	print(stats, last, to);
	if (finish(to, &text))
		return -ENOMEM;
	is_written = fwrite(text, 1, bytes, out) == bytes;
	is_written &= fflush(out) == 0;
	if (!is_written && !stats->complained)
		LOG_WARN("can't write the display: %s", strerror(errno));
	stats->complained |= !is_written;
	free(text);
	return 0;
}

static int show_json(struct plx_stats *stats, bool last)
{
	char *text = NULL;
	size_t bytes = 0;
	FILE *to = open_memstream(&text, &bytes);

	if (!to)
		return -ENOMEM;
	stats_print_json(&stats->result.sample, last, to);
	if (finish(to, &text))
		return -ENOMEM;
	stats_file_write(&stats->json, text, bytes);
	free(text);
	return 0;
}

static int show(struct plx_stats *stats, bool last)
{
	const struct plx_stats_sample *sample;
	int ret = plx_stats_sample(stats, &sample);

	if (ret == 0 && stats->conf.out)
		ret = show_text(stats, last);
	if (ret == 0 && stats->json.fd >= 0)
		ret = show_json(stats, last);
	return ret;
}

int plx_stats_show(struct plx_stats *stats)
{
	return stats ? show(stats, false) : -EINVAL;
}

/* ---- the loop ---- */

static struct timespec to_timespec(uint64_t ns)
{
	return (struct timespec){
		.tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000),
	};
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Periods that were missed, since the terminal stood still say, are left out. */
static uint64_t next_time(uint64_t due_ns, uint64_t period_ns)
{
	uint64_t now = monotonic_ns();

	due_ns += period_ns;
	return due_ns > now ? due_ns : now + period_ns;
}

/* Sleep until then. True: a stop was requested. */
static bool lcore_sleep(uint64_t until_ns)
{
	uint64_t now = monotonic_ns(), left;
	struct timespec nap;

	while (!plx_stop_requested() && now < until_ns) {
		left = until_ns - now;
		if (left > PLX_STATS_STOP_MS * UINT64_C(1000000))
			left = PLX_STATS_STOP_MS * UINT64_C(1000000);
		nap = to_timespec(left);
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
		now = monotonic_ns();
	}
	return plx_stop_requested();
}

int plx_stats_run(void *conf)
{
	const struct plx_stats_conf usual = {.out = stdout};
	struct plx_stats *stats;
	uint64_t period_ns, due;
	int ret, err = 0;

	ret = plx_stats_create(conf ? conf : &usual, &stats);
	if (ret)
		return ret;
	period_ns = stats->conf.period_ms * UINT64_C(1000000);
	due = monotonic_ns();
	do {
		ret = show(stats, false);
		err = err ? err : ret;
		due = next_time(due, period_ns);
	} while (!lcore_sleep(due));
	ret = show(stats, true);
	plx_stats_destroy(stats);
	return err ? err : ret;
}

/* True: plx_stats_stop() was called. */
static bool thread_sleep(struct plx_stats *stats, uint64_t until_ns)
{
	struct timespec until = to_timespec(until_ns);
	bool stop;

	pthread_mutex_lock(&stats->lock);
	while (!stats->stop && monotonic_ns() < until_ns)
		pthread_cond_clockwait(&stats->changed, &stats->lock, CLOCK_MONOTONIC, &until);
	stop = stats->stop;
	pthread_mutex_unlock(&stats->lock);
	return stop;
}

static void *thread_main(void *arg)
{
	struct plx_stats *stats = arg;
	uint64_t period_ns = stats->conf.period_ms * UINT64_C(1000000);
	uint64_t due = monotonic_ns();

	do {
		if (show(stats, false) == -ENOMEM)
			LOG_WARN("no memory for a sample");
		due = next_time(due, period_ns);
	} while (!thread_sleep(stats, due));
	if (show(stats, true) == -ENOMEM)
		LOG_WARN("no memory for the last sample");
	return NULL;
}

/* CPUs that this process may use and no lcore has; when the lcores have all of them, all. Empty:
 * the EAL does not run. */
static void choose_cpus(cpu_set_t *cpus)
{
	long nb = sysconf(_SC_NPROCESSORS_CONF);
	struct plx_cpu_info info;
	cpu_set_t lcores, of_one;
	unsigned id;

	CPU_ZERO(cpus);
	CPU_ZERO(&lcores);
	for (unsigned cpu = 0; (long)cpu < nb && cpu < CPU_SETSIZE; cpu++)
		if (plx_cpu_info(cpu, &info) == 0 && info.allowed)
			CPU_SET(cpu, cpus);
	PLX_LCORE_FOREACH(id) {
		if (plx_lcore_cpuset(id, &of_one) == 0)
			CPU_OR(&lcores, &lcores, &of_one);
	}
	CPU_AND(&lcores, &lcores, cpus);
	if (!CPU_EQUAL(&lcores, cpus))
		CPU_XOR(cpus, cpus, &lcores);
}

/* Of a real-time main lcore the thread must not inherit the priority. */
static int thread_attr(pthread_attr_t *attr)
{
	const struct sched_param param = {0};
	cpu_set_t cpus;
	int err = 0;

	choose_cpus(&cpus);
	if (CPU_COUNT(&cpus) > 0)
		err = pthread_attr_setaffinity_np(attr, sizeof(cpus), &cpus);
	if (err == 0 && sched_getscheduler(0) != SCHED_OTHER) {
		pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
		pthread_attr_setschedpolicy(attr, SCHED_OTHER);
		err = pthread_attr_setschedparam(attr, &param);
	}
	return err;
}

static int thread_create(struct plx_stats *stats)
{
	sigset_t all, before;
	pthread_attr_t attr;
	int err;

	err = pthread_attr_init(&attr);
	if (err)
		return -err;
	err = thread_attr(&attr);
	if (err == 0) {
		sigfillset(&all); /* signals are the application's threads' */
		pthread_sigmask(SIG_SETMASK, &all, &before);
		err = pthread_create(&stats->thread, &attr, thread_main, stats);
		pthread_sigmask(SIG_SETMASK, &before, NULL);
	}
	pthread_attr_destroy(&attr);
	if (err)
		LOG_ERR("can't start the thread that shows statistics: %s", strerror(err));
	else
		pthread_setname_np(stats->thread, "plx-stats");
	return -err;
}

int plx_stats_start(const struct plx_stats_conf *conf, struct plx_stats **stats)
{
	struct plx_stats *new;
	int ret;

	if (!stats)
		return -EINVAL;
	ret = plx_stats_create(conf, &new);
	if (ret)
		return ret;
	pthread_mutex_init(&new->lock, NULL);
	pthread_cond_init(&new->changed, NULL);
	ret = thread_create(new);
	if (ret) {
		plx_stats_destroy(new);
		return ret;
	}
	*stats = new;
	return 0;
}

void plx_stats_stop(struct plx_stats *stats)
{
	if (!stats)
		return;
	pthread_mutex_lock(&stats->lock);
	stats->stop = true;
	pthread_cond_signal(&stats->changed);
	pthread_mutex_unlock(&stats->lock);
	pthread_join(stats->thread, NULL);
	pthread_cond_destroy(&stats->changed);
	pthread_mutex_destroy(&stats->lock);
	plx_stats_destroy(stats);
}
