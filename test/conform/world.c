/* SPDX-License-Identifier: BSD-3-Clause */
/* What each case starts from and leaves behind: namespace, EAL, pool, port. */
#include "conform.h"
#include "netns.h"

#include <dirent.h>
#include <errno.h>
#include <pollux/pollux.h>
#include <pthread.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_SKIPPED = 77, CONFORM_LCORES = 4, LINES_MAX = 64 };

/* ---- Log lines ---- */

static struct {
	pthread_mutex_t mutex;
	unsigned nb;
	char text[LINES_MAX][600];
} lines = {.mutex = PTHREAD_MUTEX_INITIALIZER};

static void sink(void *arg, const char *module, enum plx_log_level level, const char *text)
{
	(void)arg;
	pthread_mutex_lock(&lines.mutex);
	snprintf(lines.text[lines.nb++ % LINES_MAX], sizeof(lines.text[0]), "%s: %s: %s", module,
		 plx_log_level_name(level), text);
	pthread_mutex_unlock(&lines.mutex);
}

void log_lines_start(void)
{
	log_lines_forget();
	plx_log_set_sink(sink, NULL);
}

void log_lines_forget(void)
{
	pthread_mutex_lock(&lines.mutex);
	lines.nb = 0;
	pthread_mutex_unlock(&lines.mutex);
}

unsigned log_lines_count(void)
{
	unsigned nb;

	pthread_mutex_lock(&lines.mutex);
	nb = lines.nb;
	pthread_mutex_unlock(&lines.mutex);
	return nb;
}

bool log_lines_have(const char *part)
{
	bool found = false;

	pthread_mutex_lock(&lines.mutex);
	for (unsigned i = 0; i < lines.nb && i < LINES_MAX; i++)
		found = found || strstr(lines.text[i], part);
	pthread_mutex_unlock(&lines.mutex);
	return found;
}

void log_lines_print(FILE *out)
{
	unsigned nb = log_lines_count(), from = nb > LINES_MAX ? nb - LINES_MAX : 0;

	for (unsigned i = from; i < nb; i++)
		fprintf(out, "  log: %s\n", lines.text[i % LINES_MAX]);
}

/* ---- Verdicts ---- */

void fail_at(const char *file, int line, const char *fmt, ...)
{
	static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
	const char *name = strrchr(file, '/');
	va_list args;
	int len;

	/* Of several threads that fail the first is told; never unlocked. */
	pthread_mutex_lock(&mutex);
	len = snprintf(report->reason, sizeof(report->reason), "%s:%d: ", name ? name + 1 : file,
		       line);
	va_start(args, fmt);
	vsnprintf(report->reason + len, sizeof(report->reason) - (size_t)len, fmt, args);
	va_end(args);
	for (char *at = report->reason; *at; at++)
		if (*at == '\n' || *at == '\t')
			*at = ' ';
	fprintf(stderr, "%s\n", report->reason);
	log_lines_print(stderr);
	fflush(NULL);
	_exit(1);
}

void note(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(report->note, sizeof(report->note), fmt, args);
	va_end(args);
}

void skip(const char *fmt, ...)
{
	va_list args;

	va_start(args, fmt);
	vsnprintf(report->reason, sizeof(report->reason), fmt, args);
	va_end(args);
	fflush(NULL);
	_exit(EXIT_SKIPPED);
}

const char *errno_text(long ret)
{
	return ret < 0 ? strerrorname_np((int)-ret) ? strerrorname_np((int)-ret) : "?" : "ok";
}

uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

void sleep_us(unsigned us)
{
	struct timespec time = {.tv_sec = us / 1000000, .tv_nsec = us % 1000000 * 1000};

	nanosleep(&time, NULL);
}

/* ---- The world ---- */

/* Descriptors of the process; the one of the directory itself is among them each time. */
static unsigned fds_open(void)
{
	DIR *dir = opendir("/proc/self/fd");
	unsigned nb = 0;

	check(dir, "/proc/self/fd: %s", strerror(errno));
	while (readdir(dir))
		nb++;
	closedir(dir);
	return nb;
}

void world_enter(struct conform *c)
{
	const struct peer_ops *ops = c->variant->peer;
	char why[200];

	if (ops->can & PEER_KERNEL && !netns_enter(why, sizeof(why)))
		skip("%s", why);
	c->nb_fds = fds_open();
	c->peer = ops->create(c->variant);
	c->peer->ops = ops;
	if (ops->prepare)
		ops->prepare(c->peer);
}

/* "(0,1,2,3)@(4,7)": lcores that share the CPUs that there are, however few. */
static void lcores_text(char *text, size_t room)
{
	size_t len = 0;
	cpu_set_t cpus;
	bool first = true;

	check(sched_getaffinity(0, sizeof(cpus), &cpus) == 0, "affinity: %s", strerror(errno));
	for (unsigned i = 0; i < CONFORM_LCORES; i++)
		len += (size_t)snprintf(text + len, room - len, "%s%u", i ? "," : "(", i);
	len += (size_t)snprintf(text + len, room - len, ")@");
	for (unsigned cpu = 0; cpu < CPU_SETSIZE && len < room - 8; cpu++) {
		if (!CPU_ISSET(cpu, &cpus))
			continue;
		len += (size_t)snprintf(text + len, room - len, "%s%u", first ? "(" : ",", cpu);
		first = false;
	}
	snprintf(text + len, room - len, ")");
}

void world_open(struct conform *c)
{
	struct plx_mem_stats stats;
	char lcores[1024], program[] = "plx-conform", no_huge[] = "--no-huge",
			   no_pci[] = "--no-pci", unsafe[] = "--allow-unsafe-dma",
			   pa[] = "--iova-mode=pa";
	char option[] = "--lcores";
	char *argv[8] = {program, no_pci, option, lcores};
	int argc = 4;

	lcores_text(lcores, sizeof(lcores));
	if (!c->huge)
		argv[argc++] = no_huge;
	if (c->variant->unsafe) {
		argv[argc++] = unsafe;
		argv[argc++] = pa;
	}
	log_lines_start();
	check(plx_init(argc, argv) >= 0, "plx_init() failed");
	want_ret(plx_mem_stats(&stats), 0);
	c->nb_blocks = stats.all.nb_blocks;
	c->nb_zones = stats.nb_zones;
	c->pool = pool_new("conform", CONFORM_POOL_MBUFS, 0);
}

void world_close(struct conform *c)
{
	struct plx_mem_stats stats;
	unsigned nb;

	if (c->port != PLX_PORT_NONE)
		port_detach(c);
	pool_is_home(c->pool);
	plx_mbuf_pool_destroy(c->pool);
	want_ret(plx_mem_stats(&stats), 0);
	want(stats.all.nb_blocks, c->nb_blocks, "blocks of memory in use at the end");
	want(stats.nb_zones, c->nb_zones, "zones of memory in use at the end");
	if (c->peer->port_if[0]) {
		struct link link = link_get(c->peer->port_if);

		want(link.xdp_programs, 0, "mode of an XDP program left on %s", c->peer->port_if);
		want(link.promiscuity, 0, "promiscuity left on %s", c->peer->port_if);
	}
	c->peer->ops->destroy(c->peer);
	plx_fini();
	nb = fds_open();
	want(nb, c->nb_fds, "descriptors open at the end");
}

/* ---- Pools ---- */

struct plx_mempool *pool_new(const char *name, uint32_t nb_mbufs, uint32_t data_room)
{
	const struct plx_mbuf_pool_conf conf = {
		.name = name,
		.nb_mbufs = nb_mbufs,
		.cache_size = nb_mbufs >= 1024 ? 128 : 0,
		.data_room = data_room,
		.node = PLX_NODE_ANY,
	};
	struct plx_mempool *pool = NULL;
	int ret = plx_mbuf_pool_create(&conf, &pool);

	check(ret == 0, "pool %s of %u: %s", name, nb_mbufs, errno_text(ret));
	return pool;
}

static void mbuf_is_home(struct plx_mempool *pool, void *obj, uint32_t index, void *arg)
{
	const struct plx_mbuf *m = obj;
	const char *reason = "?";

	(void)arg;
	check(plx_mbuf_check(m, false, &reason) == 0, "mbuf %u of pool %s: %s", index, pool->name,
	      reason);
	check(m->refcnt == 1 && m->nb_segs == 1 && !m->next && !(m->flags & PLX_MBUF_F_ATTACHED),
	      "mbuf %u of pool %s came home with refcnt %u, nb_segs %u, next %p, flags %#x", index,
	      pool->name, m->refcnt, m->nb_segs, (void *)m->next, m->flags);
}

void pool_is_home(struct plx_mempool *pool)
{
	want(plx_mempool_in_use(pool), 0, "mbufs of pool %s not at home", pool->name);
	want_ret(plx_mempool_audit(pool), 0);
	plx_mempool_walk(pool, mbuf_is_home, NULL);
}

/* ---- The port ---- */

int device_attach(struct conform *c, const char *device, unsigned *port)
{
	if (c->peer->ops->attach)
		return c->peer->ops->attach(c->peer, device, port);
	return plx_port_attach(device, port);
}

void port_attach(struct conform *c)
{
	int ret;

	snprintf(c->device, sizeof(c->device), "%s", c->variant->device);
	ret = device_attach(c, c->device, &c->port);
	check(ret == 0, "attach %s: %s", c->device, errno_text(ret));
	port_info(c);
	if (c->peer->ops->plug)
		c->peer->ops->plug(c->peer, c->port);
}

void port_detach(struct conform *c)
{
	unsigned port = c->port;

	if (c->peer->ops->unplug)
		c->peer->ops->unplug(c->peer);
	want_ret(plx_port_detach(port), 0);
	check(!plx_port_is_valid(port), "port %u is valid after the detach", port);
	c->port = PLX_PORT_NONE;
	pool_is_home(c->pool);
}

void port_info(struct conform *c)
{
	want_ret(plx_port_info(c->port, &c->info), 0);
}

void port_setup_conf(struct conform *c, const struct plx_port_conf *conf,
		     const struct plx_port_rxq_conf *rxq, const struct plx_port_txq_conf *txq)
{
	struct plx_port_rxq_conf rx = {.pool = c->pool, .node = PLX_NODE_ANY};
	struct plx_port_conf all = *conf;

	all.tx_offloads |= c->info.tx_offloads & PLX_PORT_TX_MULTI_SEGS;
	want_ret(plx_port_configure(c->port, &all), 0);
	for (unsigned i = 0; i < conf->nb_rx_queues; i++)
		want_ret(plx_port_rxq_setup(c->port, i, rxq ? rxq : &rx), 0);
	for (unsigned i = 0; i < conf->nb_tx_queues; i++)
		want_ret(plx_port_txq_setup(c->port, i, txq), 0);
	c->nb_rx = conf->nb_rx_queues;
	c->nb_tx = conf->nb_tx_queues;
	port_info(c);
	want(c->info.state, PLX_PORT_CONFIGURED, "state after the set-up");
	want(c->info.nb_rx_queues, c->nb_rx, "info.nb_rx_queues");
	want(c->info.nb_tx_queues, c->nb_tx, "info.nb_tx_queues");
}

void port_setup(struct conform *c, unsigned nb_rx, unsigned nb_tx)
{
	const struct plx_port_conf conf = {.nb_rx_queues = nb_rx, .nb_tx_queues = nb_tx};

	port_setup_conf(c, &conf, NULL, NULL);
}

void port_start(struct conform *c)
{
	struct plx_port_link link;

	want_ret(plx_port_start(c->port), 0);
	if (c->peer->ops->ready)
		c->peer->ops->ready(c->peer, c->nb_rx);
	want_ret(plx_port_link_wait(c->port, CONFORM_WAIT_MS, &link), 0);
	check(link.up, "link_wait() returned 0 and the link is down");
	port_info(c);
	want(c->info.state, PLX_PORT_STARTED, "state after the start");
}

void port_stop(struct conform *c)
{
	want_ret(plx_port_stop(c->port), 0);
	port_info(c);
	want(c->info.state, PLX_PORT_CONFIGURED, "state after the stop");
	pool_is_home(c->pool);
}

void port_up(struct conform *c)
{
	port_attach(c);
	port_setup(c, 1, 1);
	port_start(c);
}

void port_down(struct conform *c)
{
	port_stop(c);
	port_detach(c);
}

struct plx_port_stats port_stats(const struct conform *c)
{
	struct plx_port_stats stats;

	want_ret(plx_port_stats(c->port, &stats), 0);
	return stats;
}

uint64_t stats_came(const struct plx_port_stats *s)
{
	return s->rx.packets + s->rx.missed + s->rx.errors;
}

uint64_t stats_given(const struct plx_port_stats *s)
{
	return s->tx.packets + s->tx.errors + s->tx.dropped;
}
