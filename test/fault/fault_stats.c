/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One call of libc after the other is made to fail under statistics: each failure ends in an error
 * or is told in a line, nothing leaks, and a display that lost a sample shows the next one.
 */
#include <errno.h>
#include <fcntl.h>
#include <pollux/eal.h>
#include <pollux/lcore.h>
#include <pollux/log.h>
#include <pollux/mbuf.h>
#include <pollux/mem.h>
#include <pollux/port_driver.h>
#include <pollux/stats.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

extern const struct plx_port_driver plx_net_null_driver;

void *__libc_calloc(size_t nb, size_t size);
void *__libc_realloc(void *old, size_t size);
void *__libc_malloc(size_t size);
void __libc_free(void *old);

/* Calls are caught in the thread that tests only. */
static __thread bool is_caught;
static unsigned long nb_calls, fail_at;
static long nb_blocks; /* taken and not given back */
static const char *failed;
static unsigned nb_lines;

static bool fails(const char *name)
{
	if (!is_caught || ++nb_calls != fail_at)
		return false;
	failed = name;
	errno = ENOMEM;
	return true;
}

static void *taken(void *block)
{
	nb_blocks += is_caught && block;
	return block;
}

void *malloc(size_t size)
{
	return fails("malloc") ? NULL : taken(__libc_malloc(size));
}

void *calloc(size_t nb, size_t size)
{
	return fails("calloc") ? NULL : taken(__libc_calloc(nb, size));
}

void *realloc(void *old, size_t size)
{
	if (fails("realloc"))
		return NULL;
	return old ? __libc_realloc(old, size) : taken(__libc_realloc(old, size));
}

void free(void *old)
{
	nb_blocks -= is_caught && old;
	__libc_free(old);
}

int open(const char *path, int flags, ...)
{
	va_list args;
	int mode;

	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, int) : 0;
	va_end(args);
	return fails("open") ? -1 : (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}

ssize_t write(int fd, const void *buf, size_t nb)
{
	return fails("write") ? -1 : syscall(SYS_write, fd, buf, nb);
}

static void count_line(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	(void)module;
	(void)level;
	(void)text;
	nb_lines++;
}

static void die(const char *what, int ret)
{
	is_caught = false;
	fprintf(stderr, "%s failed as call %lu: %s: %d\n", failed, fail_at, what, ret);
	exit(1);
}

/* Returns whether something was told, or returned. */
static bool show_twice(const struct plx_stats_conf *conf)
{
	struct plx_stats *stats = NULL;
	int ret[2];

	is_caught = true;
	ret[0] = plx_stats_create(conf, &stats);
	if (ret[0]) {
		is_caught = false;
		if (stats)
			die("an error and a result", ret[0]);
		return true;
	}
	ret[0] = plx_stats_show(stats);
	ret[1] = plx_stats_show(stats);
	plx_stats_destroy(stats);
	is_caught = false;
	if (ret[0] && ret[1])
		die("one call failed, two samples did", ret[1]);
	if ((ret[0] && ret[0] != -ENOMEM) || (ret[1] && ret[1] != -ENOMEM))
		die("another error", ret[0] ? ret[0] : ret[1]);
	return ret[0] || ret[1] || nb_lines > 0;
}

static void start_eal(void)
{
	static const struct plx_port_driver *const drivers[] = {&plx_net_null_driver, NULL};
	static struct plx_eal_conf conf;
	struct plx_mbuf_pool_conf pool_conf = {
		.name = "fault", .nb_mbufs = 63, .node = PLX_NODE_ANY};
	struct plx_mempool *pool;
	cpu_set_t cpus;
	unsigned cpu = 0, port;

	plx_eal_conf_init(&conf);
	sched_getaffinity(0, sizeof(cpus), &cpus);
	while (!CPU_ISSET(cpu, &cpus))
		cpu++;
	conf.no_huge = conf.no_pci = true;
	conf.nb_lcores = 1;
	conf.lcores[0].enabled = true;
	CPU_SET(cpu, &conf.lcores[0].cpus);
	if (plx_eal_init(&conf) || plx_port_drivers_set(drivers) ||
	    plx_mbuf_pool_create(&pool_conf, &pool) || plx_port_attach("net_null0", &port) ||
	    plx_port_setup(port, 1, 1, pool) || plx_port_start(port))
		die("start", -1);
}

int main(void)
{
	struct plx_stats_conf conf = {.json_path = "/dev/null", .title = "a title"};
	bool told;

	conf.out = fopen("/dev/null", "we");
	start_eal();
	plx_log_set_sink(count_line, NULL);
	show_twice(&conf); /* what libc keeps for itself */
	do {
		nb_calls = 0;
		nb_lines = 0;
		nb_blocks = 0;
		failed = NULL;
		fail_at++;
		told = show_twice(&conf);
		if (failed && !told)
			die("nothing tells so", 0);
		if (!failed && told)
			die("no call failed, and something is told", 0);
		if (nb_blocks != 0)
			die("blocks leaked", (int)nb_blocks);
	} while (failed);
	fprintf(stderr, "%lu calls failed in turn\n", fail_at - 1);
	plx_log_set_sink(NULL, NULL);
	plx_port_fini();
	plx_eal_fini();
	fclose(conf.out);
	return fail_at > 10 ? 0 : 1;
}
