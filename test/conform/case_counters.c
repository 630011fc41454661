/* SPDX-License-Identifier: BSD-3-Clause */
/* Counters: against what the peer sent and saw, of queues against the port's, by name, reset. */
#include "conform.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

enum { XSTATS_MAX = 2048 };

static struct plx_port_xstat xstats[XSTATS_MAX];

static int read_xstats(const struct conform *c)
{
	int nb = plx_port_xstats(c->port, xstats, XSTATS_MAX);

	check(nb > 0 && nb <= XSTATS_MAX, "plx_port_xstats(): %d", nb);
	return nb;
}

static uint64_t xstat(int nb, const char *name)
{
	for (int i = 0; i < nb; i++)
		if (strcmp(xstats[i].name, name) == 0)
			return xstats[i].value;
	check(false, "no extended counter %s", name);
	return 0;
}

/* "rx_q3_packets" -> the queue, or -1. */
static int queue_of(const char *name)
{
	return name[0] && name[1] == 'x' && name[2] == '_' && name[3] == 'q' && name[4] >= '0' &&
			       name[4] <= '9'
		       ? atoi(name + 4)
		       : -1;
}

static void names_are_sound(int nb)
{
	for (int i = 0; i < nb; i++) {
		size_t len = strnlen(xstats[i].name, PLX_PORT_XSTAT_NAME_MAX);

		check(len > 3 && len < PLX_PORT_XSTAT_NAME_MAX, "name of %zu bytes", len);
		check(strspn(xstats[i].name, "abcdefghijklmnopqrstuvwxyz0123456789_") == len,
		      "name %s", xstats[i].name);
		for (int j = i + 1; j < nb; j++)
			check(strcmp(xstats[i].name, xstats[j].name) != 0, "%s is there twice",
			      xstats[i].name);
	}
}

/* Counters of queues add up to the port's of the same name, where nothing outside counts. */
static void queues_add_up(struct conform *c, const struct plx_port_stats *s)
{
	struct plx_port_stats sum = {0};

	for (unsigned i = 0; i < c->nb_rx; i++) {
		struct plx_port_rx_stats rx;

		want_ret(plx_port_rxq_stats(c->port, i, &rx), 0);
		sum.rx.packets += rx.packets;
		sum.rx.bytes += rx.bytes;
		sum.rx.missed += rx.missed;
		sum.rx.errors += rx.errors;
		sum.rx.nombuf += rx.nombuf;
	}
	for (unsigned i = 0; i < c->nb_tx; i++) {
		struct plx_port_tx_stats tx;

		want_ret(plx_port_txq_stats(c->port, i, &tx), 0);
		sum.tx.packets += tx.packets;
		sum.tx.bytes += tx.bytes;
		sum.tx.errors += tx.errors;
		sum.tx.dropped += tx.dropped;
	}
	want(sum.rx.packets, s->rx.packets, "packets of all rx queues");
	want(sum.rx.bytes, s->rx.bytes, "bytes of all rx queues");
	want(sum.rx.nombuf, s->rx.nombuf, "nombuf of all rx queues");
	want(sum.tx.packets, s->tx.packets, "packets of all tx queues");
	want(sum.tx.bytes, s->tx.bytes, "bytes of all tx queues");
	want(sum.tx.dropped, s->tx.dropped, "dropped of all tx queues");
	/* The kernel's and the card's own drops belong to no queue. */
	check(sum.rx.missed <= s->rx.missed, "missed of all rx queues: %llu, of the port %llu",
	      (unsigned long long)sum.rx.missed, (unsigned long long)s->rx.missed);
	check(sum.rx.errors <= s->rx.errors && sum.tx.errors <= s->tx.errors,
	      "errors of all queues: more than the port's");
}

static void xstats_agree(struct conform *c, const struct plx_port_stats *s)
{
	int nb = read_xstats(c);

	names_are_sound(nb);
	want(xstat(nb, "rx_packets"), s->rx.packets, "rx_packets");
	want(xstat(nb, "rx_bytes"), s->rx.bytes, "rx_bytes");
	want(xstat(nb, "rx_missed"), s->rx.missed, "rx_missed");
	want(xstat(nb, "rx_errors"), s->rx.errors, "rx_errors");
	want(xstat(nb, "rx_nombuf"), s->rx.nombuf, "rx_nombuf");
	want(xstat(nb, "tx_packets"), s->tx.packets, "tx_packets");
	want(xstat(nb, "tx_bytes"), s->tx.bytes, "tx_bytes");
	want(xstat(nb, "tx_errors"), s->tx.errors, "tx_errors");
	want(xstat(nb, "tx_dropped"), s->tx.dropped, "tx_dropped");
	for (int i = 0; i < nb; i++) {
		uint64_t value;

		/* Only what is one to the sum of queues: "rx_q0_x" for a "rx_x". */
		want_ret(plx_port_xstat(c->port, xstats[i].name, &value), 0);
		want(value, xstats[i].value, "%s by its name", xstats[i].name);
		check(queue_of(xstats[i].name) <
			      (xstats[i].name[0] == 'r' ? (int)c->nb_rx : (int)c->nb_tx),
		      "%s, and there is no such queue", xstats[i].name);
	}
	for (unsigned i = 0; i < c->nb_rx; i++) {
		char name[PLX_PORT_XSTAT_NAME_MAX];
		struct plx_port_rx_stats rx;

		snprintf(name, sizeof(name), "rx_q%u_packets", i);
		want_ret(plx_port_rxq_stats(c->port, i, &rx), 0);
		want(xstat(nb, name), rx.packets, "%s", name);
	}
	for (unsigned i = 0; i < c->nb_tx; i++) {
		char name[PLX_PORT_XSTAT_NAME_MAX];
		struct plx_port_tx_stats tx;

		snprintf(name, sizeof(name), "tx_q%u_bytes", i);
		want_ret(plx_port_txq_stats(c->port, i, &tx), 0);
		want(xstat(nb, name), tx.bytes, "%s", name);
	}
}

/* Streams of known bytes both ways; each counter against them. */
static void counters(struct conform *c)
{
	struct plx_port_stats s, reset;
	uint64_t value, rx_bytes, tx_bytes;
	struct stream in, out;
	int nb;

	port_up(c);
	s = port_stats(c);
	want(stats_came(&s) + stats_given(&s) + s.rx.bytes + s.tx.bytes, 0,
	     "counters of a port just started");
	in = stream_to_port(c, 1, 500);
	out = stream_to_peer(c, 1001, 700);
	in.step_bytes = 23;
	out.step_bytes = 19;
	stream_in(c, &in, 25, 32);
	stream_out(c, &out, 25, packet_plain);
	rx_bytes = stream_bytes(&in, 0, in.nb);
	tx_bytes = stream_bytes(&out, 0, out.nb);
	s = port_stats(c);
	if (c->peer->ops->can & PEER_SENDS) {
		want(s.rx.packets, in.nb, "rx_packets");
		want(s.rx.bytes, rx_bytes, "rx_bytes");
	}
	want(s.tx.packets, out.nb, "tx_packets");
	want(s.tx.bytes, tx_bytes, "tx_bytes");
	want(s.rx.missed + s.rx.errors + s.rx.nombuf, 0, "rx_missed + rx_errors + rx_nombuf");
	want(s.tx.errors + s.tx.dropped, 0, "tx_errors + tx_dropped");
	queues_add_up(c, &s);
	xstats_agree(c, &s);

	nb = read_xstats(c);
	want(plx_port_xstats(c->port, NULL, 0), nb, "xstats without room");
	memset(xstats, 0, 3 * sizeof(xstats[0]));
	want(plx_port_xstats(c->port, xstats, 2), nb, "xstats with room for two");
	check(xstats[1].name[0] && !xstats[2].name[0], "xstats wrote beyond its room");
	log_lines_forget();
	want_ret(plx_port_xstat(c->port, "rx_nothing", &value), -ENOENT);
	want(log_lines_count(), 0, "log lines about an unknown counter");

	/* Stopped they stay; reset they begin again. */
	port_stop(c);
	reset = port_stats(c);
	want(memcmp(&reset, &s, sizeof(s)), 0, "difference of the counters after the stop");
	port_start(c);
	want_ret(plx_port_stats_reset(c->port), 0);
	reset = port_stats(c);
	want(stats_came(&reset) + stats_given(&reset) + reset.rx.bytes + reset.tx.bytes, 0,
	     "counters after a reset");
	queues_add_up(c, &reset);
	xstats_agree(c, &reset);
	in.first_seq = 5000;
	out.first_seq = 6000;
	in.nb = out.nb = 64;
	stream_in(c, &in, 16, 32);
	stream_out(c, &out, 16, packet_plain);
	s = port_stats(c);
	want(s.rx.packets, c->peer->ops->can & PEER_SENDS || c->variant->endless ? in.nb : 0,
	     "rx_packets after a reset");
	want(s.tx.bytes, stream_bytes(&out, 0, out.nb), "tx_bytes after a reset");
	queues_add_up(c, &s);
	xstats_agree(c, &s);
	port_down(c);
}

/* A new configuration may forget the queues' counters; what a port has counted does not go back
 * below what it has now, and a new device begins at 0. */
static void counters_anew(struct conform *c)
{
	struct plx_port_stats s;

	port_up(c);
	traffic(c, 1);
	port_down(c);
	port_up(c);
	s = port_stats(c);
	want(stats_came(&s) + stats_given(&s) + s.rx.bytes + s.tx.bytes, 0,
	     "counters of a port attached again");
	traffic(c, 1000);
	s = port_stats(c);
	queues_add_up(c, &s);
	xstats_agree(c, &s);
	port_down(c);
}

/* ---- Read while they are written ---- */

struct reader {
	const struct conform *c;
	bool stop;	   /* atomic */
	unsigned nb_reads; /* atomic */
};

static void *read_all_the_time(void *arg)
{
	struct reader *r = arg;
	struct plx_port_stats last = {0}, now;
	static struct plx_port_xstat some[XSTATS_MAX];

	while (!plx_load_relaxed(&r->stop)) {
		struct plx_port_rx_stats rx;
		struct plx_port_tx_stats tx;
		struct plx_port_info info;
		FILE *out = fopen("/dev/null", "we");

		want_ret(plx_port_stats(r->c->port, &now), 0);
		check(now.rx.packets >= last.rx.packets && now.rx.bytes >= last.rx.bytes &&
			      now.tx.packets >= last.tx.packets && now.tx.bytes >= last.tx.bytes &&
			      stats_came(&now) >= stats_came(&last),
		      "a counter went back");
		last = now;
		check(plx_port_xstats(r->c->port, some, XSTATS_MAX) > 0, "xstats");
		want_ret(plx_port_rxq_stats(r->c->port, 0, &rx), 0);
		want_ret(plx_port_txq_stats(r->c->port, 0, &tx), 0);
		check(rx.packets >= now.rx.packets && tx.packets >= now.tx.packets,
		      "a queue's counter is behind the port's");
		want_ret(plx_port_info(r->c->port, &info), 0);
		if (out) {
			want_ret(plx_port_dump(r->c->port, out), 0);
			fclose(out);
		}
		plx_store_relaxed(&r->nb_reads, r->nb_reads + 1);
	}
	return NULL;
}

static void counters_read_meanwhile(struct conform *c)
{
	struct reader reader = {.c = c};
	struct plx_port_stats s;
	pthread_t thread;
	uint32_t nb = 0;
	uint64_t start;

	port_up(c);
	want(pthread_create(&thread, NULL, read_all_the_time, &reader), 0, "pthread_create()");
	start = now_ms();
	/* A busy machine may let the reader wait. */
	for (; now_ms() - start < 700 ||
	       (plx_load_relaxed(&reader.nb_reads) == 0 && now_ms() - start < 20000);
	     nb++)
		traffic(c, nb * 1000);
	plx_store_relaxed(&reader.stop, true);
	want(pthread_join(thread, NULL), 0, "pthread_join()");
	s = port_stats(c);
	want(s.tx.packets, (uint64_t)nb * TRAFFIC_FRAMES, "tx_packets of %u rounds", nb);
	want(s.rx.packets, stats_came(&s), "rx_packets, and all that came");
	queues_add_up(c, &s);
	xstats_agree(c, &s);
	check(reader.nb_reads > 0, "the reader read nothing");
	port_down(c);
	note("%u reads in %u rounds", reader.nb_reads, nb);
}

const struct conform_case cases_counters[] = {
	{.name = "counters", .run = counters},
	{.name = "counters_anew", .run = counters_anew},
	{.name = "counters_read_meanwhile", .run = counters_read_meanwhile},
	{.name = NULL},
};
