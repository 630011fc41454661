/* SPDX-License-Identifier: BSD-3-Clause */
/* The link goes and comes, the device goes away. */
#include "conform.h"

#include <errno.h>
#include <net/if.h>
#include <pollux/ctl.h>
#include <stdlib.h>
#include <string.h>

/* Counted in the control thread. */
struct events {
	unsigned port;
	unsigned nb[3]; /* atomic; by enum plx_port_event */
	bool up;	/* atomic; the link at the last event */
};

static void on_event(unsigned port, enum plx_port_event event, void *arg)
{
	struct events *e = arg;
	struct plx_port_link link = {0};

	check(plx_ctl_is_self(), "an event in another thread than the control thread");
	want(port, e->port, "port of an event");
	check((unsigned)event < 3, "event %d", (int)event);
	if (event == PLX_PORT_EVENT_LINK) {
		plx_port_link(port, &link);
		plx_store_relaxed(&e->up, link.up);
	}
	plx_store_release(&e->nb[event], e->nb[event] + 1);
}

static bool link_is_up(const struct conform *c)
{
	struct plx_port_link link;

	want_ret(plx_port_link(c->port, &link), 0);
	return link.up;
}

/* Packets for a port without a link: refused, or counted as lost; never stuck. */
static void send_into_nothing(struct conform *c, uint32_t seq)
{
	struct plx_port_stats before = port_stats(c), now;
	struct stream s = stream_to_peer(c, seq, 64);
	uint8_t frame[FRAME_BYTES_MAX];
	uint32_t taken = 0;

	for (uint32_t i = 0; i < s.nb; i++) {
		struct plx_mbuf *m = packet_plain(c, frame, frame_make(&s, i, frame), i);

		check(m, "no mbuf");
		taken += plx_port_tx_or_drop(c->port, 0, &m, 1);
	}
	wait_until((now = port_stats(c), stats_given(&now) - stats_given(&before) == s.nb));
	want(stats_given(&now) - stats_given(&before), s.nb,
	     "tx_packets + tx_errors + tx_dropped of 64 frames without a link, %u taken", taken);
}

/* What the peer may see of what was sent meanwhile is thrown away. */
static void peer_forget(struct conform *c)
{
	uint8_t frame[FRAME_BYTES_MAX];

	sleep_us(CONFORM_QUIET_MS * 1000);
	while (c->peer->ops->recv(c->peer, frame, sizeof(frame)) != PEER_NONE)
		;
}

static void link_changes(struct conform *c)
{
	struct events events = {0};
	struct plx_port_link link;

	port_attach(c);
	events.port = c->port;
	if (!(c->info.can & PLX_PORT_CAN_LINK)) {
		port_setup(c, 1, 1);
		port_start(c);
		check(link_is_up(c), "the link of a port that tells none is down when started");
		port_down(c);
		note("tells none");
		return;
	}
	refused(plx_port_event_add(c->port, NULL, NULL), -EINVAL);
	want_ret(plx_port_event_add(c->port, on_event, &events), 0);
	refused(plx_port_event_add(c->port, on_event, &events), -EEXIST);
	port_setup(c, 1, 1);
	port_start(c);
	traffic(c, 1);
	want_ret(plx_ctl_sync(), 0);
	for (uint32_t i = 0; i < 4; i++) {
		unsigned before = plx_load_acquire(&events.nb[PLX_PORT_EVENT_LINK]);

		c->peer->ops->link(c->peer, false);
		wait_until(plx_load_acquire(&events.nb[PLX_PORT_EVENT_LINK]) > before &&
			   !link_is_up(c));
		check(!link_is_up(c), "the link is not down after %u ms", CONFORM_WAIT_MS);
		check(events.nb[PLX_PORT_EVENT_LINK] > before, "no event of the link going down");
		want_ret(plx_port_link_wait(c->port, 20, &link), -ETIMEDOUT);
		want_ret(plx_port_link_wait(c->port, 0, NULL), -ETIMEDOUT);
		send_into_nothing(c, 1000 + i * 1000);
		port_is_quiet(c);

		before = plx_load_acquire(&events.nb[PLX_PORT_EVENT_LINK]);
		c->peer->ops->link(c->peer, true);
		want_ret(plx_port_link_wait(c->port, CONFORM_WAIT_MS, &link), 0);
		check(link.up, "link_wait() returned 0 and the link is down");
		wait_until(plx_load_acquire(&events.nb[PLX_PORT_EVENT_LINK]) > before);
		check(events.nb[PLX_PORT_EVENT_LINK] > before, "no event of the link coming up");
		peer_forget(c);
		traffic(c, 10000 + i * 1000);
	}
	want(events.nb[PLX_PORT_EVENT_REMOVED] + events.nb[PLX_PORT_EVENT_ERROR], 0,
	     "other events");
	want_ret(plx_port_event_del(c->port, on_event, &events), 0);
	refused(plx_port_event_del(c->port, on_event, &events), -ENOENT);
	port_down(c);
}

/* Started while there is no link: it comes later. */
static void link_comes_later(struct conform *c)
{
	struct plx_port_link link;
	int ret = 0;

	port_attach(c);
	if (!(c->info.can & PLX_PORT_CAN_LINK)) {
		port_detach(c);
		note("tells none");
		return;
	}
	port_setup(c, 1, 1);
	c->peer->ops->link(c->peer, false);
	want_ret(plx_port_start(c->port), 0);
	/* It may not have heard yet when it starts. */
	wait_until((ret = plx_port_link_wait(c->port, 30, &link)) == -ETIMEDOUT);
	want(ret, -ETIMEDOUT, "plx_port_link_wait() of a port whose link never was up");
	c->peer->ops->link(c->peer, true);
	if (c->peer->ops->ready)
		c->peer->ops->ready(c->peer, c->nb_rx);
	want_ret(plx_port_link_wait(c->port, CONFORM_WAIT_MS, &link), 0);
	traffic(c, 1);
	port_down(c);
}

/* The device goes away under the port; the next one of that name is a new device. */
static void removed(struct conform *c)
{
	struct events events = {0};
	struct plx_port_stats before, now;
	struct plx_mbuf *pkts[32];
	uint8_t frame[FRAME_BYTES_MAX];
	struct stream s;
	uint32_t given = 0, taken = 0;
	uint64_t end;

	port_attach(c);
	events.port = c->port;
	want_ret(plx_port_event_add(c->port, on_event, &events), 0);
	port_setup(c, 1, 1);
	port_start(c);
	traffic(c, 1);
	s = stream_to_peer(c, 1000, 64);
	before = port_stats(c);
	c->peer->ops->remove(c->peer);
	/* A loop that forwards goes on for a while. */
	end = now_ms() + CONFORM_WAIT_MS;
	while ((plx_load_acquire(&events.nb[PLX_PORT_EVENT_REMOVED]) == 0 || given < 2000) &&
	       now_ms() < end) {
		uint32_t nb = plx_port_rx_burst(c->port, 0, pkts, 32);
		struct plx_mbuf *m = packet_plain(c, frame, frame_make(&s, given % 64, frame), 0);

		plx_mbuf_free_bulk(pkts, nb);
		check(m, "no mbuf");
		taken += plx_port_tx_or_drop(c->port, 0, &m, 1);
		given++;
	}
	want(events.nb[PLX_PORT_EVENT_REMOVED], 1, "events that the device is gone, in %u ms",
	     CONFORM_WAIT_MS);
	check(!link_is_up(c), "the link of a device that is gone is up");
	want_ret(plx_port_stop(c->port), 0);
	pool_is_home(c->pool);
	now = port_stats(c);
	want(stats_given(&now) - stats_given(&before), given,
	     "tx_packets + tx_errors + tx_dropped of %u frames for a device that is gone, %u "
	     "taken",
	     given, taken);
	want_ret(plx_port_event_del(c->port, on_event, &events), 0);
	want_ret(plx_port_detach(c->port), 0);
	c->port = PLX_PORT_NONE;
	pool_is_home(c->pool);

	if (c->peer->ops->restore)
		c->peer->ops->restore(c->peer);
	port_up(c);
	/* Until it was closed it may have sent. */
	peer_forget(c);
	traffic(c, 10000);
	port_down(c);
}

/* Gone while it is configured and stopped: a start says so, and detaching works. */
static void removed_while_stopped(struct conform *c)
{
	struct events events = {0};
	int ret;

	port_attach(c);
	events.port = c->port;
	want_ret(plx_port_event_add(c->port, on_event, &events), 0);
	port_setup(c, 1, 1);
	c->peer->ops->remove(c->peer);
	wait_until(plx_load_acquire(&events.nb[PLX_PORT_EVENT_REMOVED]) > 0);
	want(events.nb[PLX_PORT_EVENT_REMOVED], 1, "events that the device is gone");
	log_lines_forget();
	ret = plx_port_start(c->port);
	check(ret < 0, "a device that is gone was started");
	want(log_lines_count(), 1, "log lines of a start without the device");
	want_ret(plx_port_detach(c->port), 0);
	c->port = PLX_PORT_NONE;
	if (c->peer->ops->restore)
		c->peer->ops->restore(c->peer);
	port_up(c);
	traffic(c, 1);
	port_down(c);
}

/* The interface that the device string names is not there. */
static void not_there(struct conform *c)
{
	unsigned port = PLX_PORT_NONE;

	if (!c->peer->ops->restore) {
		note("makes its own");
		return;
	}
	c->peer->ops->remove(c->peer);
	log_lines_forget();
	want_ret(device_attach(c, c->variant->device, &port), -ENODEV);
	want(log_lines_count(), 1, "log lines");
	check(log_lines_have(c->peer->port_if), "no line names the interface");
	c->peer->ops->restore(c->peer);
	port_up(c);
	traffic(c, 1);
	port_down(c);
}

const struct conform_case cases_device[] = {
	{.name = "link_changes", .run = link_changes},
	{.name = "link_comes_later", .run = link_comes_later, .needs = PEER_LINK},
	{.name = "removed", .run = removed, .needs = PEER_REMOVES},
	{.name = "removed_while_stopped", .run = removed_while_stopped, .needs = PEER_REMOVES},
	{.name = "not_there", .run = not_there, .needs = PEER_REMOVES},
	{.name = NULL},
};
