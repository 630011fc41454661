/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Link state and events.
 *
 * The link is one word. Events are bits of the port, and whoever sets one writes to an eventfd that
 * the control thread watches: it holds any number of them, so that none is lost however fast they
 * come, and setting one takes no lock. The callbacks are called in the control thread, without any
 * lock; each has a serial number, by which a turn goes through them while they change.
 */
#include "port_private.h"

#include <limits.h>
#include <linux/futex.h>
#include <pollux/ctl.h>
#include <pollux/stop.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

_Static_assert((int)PLX_PORT_EVENT_ERROR < (int)PLX_PORT_EVENT_BITS, "each event has a bit");

enum { LINK_UP = 1 << 0, LINK_FULL_DUPLEX = 1 << 1, LINK_AUTONEG = 1 << 2, LINK_SPEED_SHIFT = 32 };

struct callback {
	struct callback *next;
	unsigned port;
	uint32_t life;	 /* of the port: its next one's events are not for this */
	uint64_t serial; /* ascending in the list */
	plx_port_event_fn fn;
	void *arg;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t ended = PTHREAD_COND_INITIALIZER; /* `running` is 0 again */
static struct callback *callbacks;
static uint64_t serials;
static uint64_t running;      /* serial of the callback that is in its call; 0: none */
static unsigned running_port; /* and its port */
static int event_fd = -1;     /* atomic */

/* ---- The link ---- */

static uint64_t pack(const struct plx_port_link *link)
{
	return (link->up ? LINK_UP : 0u) | (link->full_duplex ? LINK_FULL_DUPLEX : 0u) |
	       (link->autoneg ? LINK_AUTONEG : 0u) | (uint64_t)link->speed_mbps << LINK_SPEED_SHIFT;
}

static struct plx_port_link unpack(uint64_t word)
{
	bool up = (word & LINK_UP) != 0;

	return (struct plx_port_link){
		.up = up,
		.full_duplex = (word & LINK_FULL_DUPLEX) != 0,
		.autoneg = (word & LINK_AUTONEG) != 0,
		.speed_mbps = up ? (uint32_t)(word >> LINK_SPEED_SHIFT) : 0,
	};
}

void plx_port_link_wake(struct plx_port *port)
{
	uint32_t *seq = &port->inner->link_seq;

	plx_fetch_add_acq_rel(seq, 1);
	syscall(SYS_futex, seq, FUTEX_WAKE_PRIVATE, INT_MAX, NULL, NULL, 0);
}

static void set_link(struct plx_port *port, uint64_t word)
{
	if (__atomic_exchange_n(&port->inner->link, word, __ATOMIC_ACQ_REL) == word)
		return;
	plx_port_link_wake(port);
	plx_port_event_raise(port, PLX_PORT_EVENT_LINK);
}

void plx_port_link_set(struct plx_port *port, const struct plx_port_link *link)
{
	set_link(port, pack(link));
}

void plx_port_link_follow(struct plx_port *port, bool up)
{
	uint64_t word = plx_load_relaxed(&port->inner->link);

	if (!port->inner->can_link)
		set_link(port, up ? word | LINK_UP : word & ~(uint64_t)LINK_UP);
	else
		plx_port_link_wake(port);
}

int plx_port_link(unsigned id, struct plx_port_link *link)
{
	if (!plx_port_is_valid(id))
		return plx_port_none(id, "plx_port_link");
	if (!link) {
		plx_log(&plx_log_port, PLX_LOG_ERR, "plx_port_link: link is NULL");
		return -EINVAL;
	}
	*link = unpack(plx_load_acquire(&plx_port_privates[id].link));
	return 0;
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

/* Sleep until @seq is not @seen any more, @end_ns, a signal, or the next look at the stop flag. */
static void sleep_on(uint32_t *seq, uint32_t seen, uint64_t now, uint64_t end_ns)
{
	enum { LOOK_NS = 10000000 }; /* plx_stop_request() wakes nobody */
	struct timespec ts = {.tv_nsec = end_ns - now < LOOK_NS ? (long)(end_ns - now) : LOOK_NS};

	syscall(SYS_futex, seq, FUTEX_WAIT_PRIVATE, seen, &ts, NULL, 0);
}

static int wait_link(unsigned id, uint64_t end_ns, struct plx_port_link *link)
{
	struct plx_port *port = plx_port_slot(id);
	struct plx_port_private *inner = &plx_port_privates[id];
	uint32_t life = plx_port_life(id);
	uint64_t now;
	uint32_t seen;

	for (;;) {
		seen = plx_load_acquire(&inner->link_seq);
		if (!plx_port_is_valid(id) || plx_port_life(id) != life)
			return -ENODEV;
		*link = unpack(plx_load_acquire(&inner->link));
		if (plx_load_acquire(&port->state) != PLX_PORT_STARTED) {
			plx_log(&plx_log_port, PLX_LOG_ERR,
				"plx_port_link_wait: port %u is not started", id);
			return -EBUSY;
		}
		if (link->up)
			return 0;
		now = now_ns();
		if (now >= end_ns)
			return -ETIMEDOUT;
		if (plx_stop_requested())
			return -EINTR;
		sleep_on(&inner->link_seq, seen, now, end_ns);
	}
}

int plx_port_link_wait(unsigned id, unsigned timeout_ms, struct plx_port_link *link)
{
	uint64_t end_ns = now_ns() + (uint64_t)timeout_ms * 1000000;
	struct plx_port_link state = {0};
	int ret;

	if (!plx_port_is_valid(id))
		return plx_port_none(id, "plx_port_link_wait");
	ret = wait_link(id, end_ns, &state);
	if (link)
		*link = state;
	return ret;
}

/* ---- Events: the control thread's side ---- */

/* Those of a port, or of all with PLX_PORT_MAX. Lock held. */
static void drop(unsigned port)
{
	struct callback *callback, **at = &callbacks;

	while (*at) {
		callback = *at;
		if (port != PLX_PORT_MAX && callback->port != port) {
			at = &callback->next;
			continue;
		}
		*at = callback->next;
		free(callback);
	}
}

/* The callback of a port behind @after, up to @last; it is running then. */
static bool next_callback(unsigned port, uint32_t life, uint64_t last, struct callback *next)
{
	uint64_t after = next->serial;
	const struct callback *at;

	pthread_mutex_lock(&lock);
	at = callbacks;
	while (at && (at->port != port || at->life != life || at->serial <= after))
		at = at->next;
	if (at && at->serial > last)
		at = NULL;
	if (at)
		*next = *at;
	running = at ? at->serial : 0;
	running_port = port;
	pthread_cond_broadcast(&ended);
	pthread_mutex_unlock(&lock);
	return at != NULL;
}

static void tell(unsigned port, uint32_t life, enum plx_port_event event)
{
	struct callback callback = {0};
	uint64_t last;

	/* Without a last one, a callback that adds itself anew would be called for ever. */
	pthread_mutex_lock(&lock);
	last = serials;
	pthread_mutex_unlock(&lock);
	while (next_callback(port, life, last, &callback))
		callback.fn(port, event, callback.arg);
}

static void on_events(int fd, uint32_t events, void *arg)
{
	static const enum plx_port_event kinds[] = {PLX_PORT_EVENT_LINK, PLX_PORT_EVENT_ERROR,
						    PLX_PORT_EVENT_REMOVED};
	const uint32_t bits = (1u << PLX_PORT_EVENT_BITS) - 1;
	uint64_t count;
	uint32_t pending;

	(void)events;
	(void)arg;
	if (read(fd, &count, sizeof(count)) < 0)
		return;
	for (unsigned id = 0; id < PLX_PORT_MAX; id++) {
		pending = plx_fetch_and_acq_rel(&plx_port_privates[id].pending, ~bits);
		for (size_t i = 0; i < PLX_ARRAY_SIZE(kinds); i++)
			if ((pending & 1u << kinds[i]) != 0)
				tell(id, pending >> PLX_PORT_EVENT_BITS, kinds[i]);
	}
}

/* A descriptor that an EAL before this one watched is added again. */
int plx_port_events_open(void)
{
	int fd = event_fd, ret = 0;

	if (fd < 0) {
		fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		if (fd < 0)
			ret = -errno;
	}
	if (ret == 0)
		ret = plx_ctl_fd_add(fd, EPOLLIN, on_events, NULL);
	if (ret && ret != -EEXIST) {
		plx_log(&plx_log_port, PLX_LOG_ERR, "can't watch an eventfd for events: %s",
			strerror(-ret));
		if (fd >= 0 && fd != event_fd)
			close(fd);
		return ret;
	}
	plx_store_release(&event_fd, fd);
	return 0;
}

static void close_event_fd(void)
{
	int fd = event_fd;

	plx_store_release(&event_fd, -1);
	if (fd >= 0)
		close(fd);
}

void plx_port_events_close(void)
{
	if (event_fd >= 0)
		plx_ctl_fd_del(event_fd);
	close_event_fd();
}

void plx_port_events_forked(void)
{
	/* Held by a thread that is gone: it was amid a change, and the list leaks. */
	if (pthread_mutex_trylock(&lock) == 0)
		drop(PLX_PORT_MAX);
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	ended = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	callbacks = NULL;
	running = 0;
	close_event_fd();
}

void plx_port_event_raise(struct plx_port *port, enum plx_port_event event)
{
	uint32_t bit = 1u << event;
	uint64_t one = 1;

	if (event == PLX_PORT_EVENT_REMOVED)
		plx_store_relaxed(&port->inner->removed, true);
	if ((plx_fetch_or_acq_rel(&port->inner->pending, bit) & bit) != 0)
		return; /* is to be told: nobody has taken the bit since */
	/* Fails only when the counter is full, and then it is readable. */
	if (write(plx_load_acquire(&event_fd), &one, sizeof(one)) < 0)
		plx_port_log(port, PLX_LOG_DEBUG, "eventfd: %s", strerror(errno));
}

/* ---- Events: who wants them ---- */

static struct callback **find(unsigned port, plx_port_event_fn fn, const void *arg)
{
	struct callback **at = &callbacks;

	while (*at && ((*at)->port != port || (*at)->fn != fn || (*at)->arg != arg))
		at = &(*at)->next;
	return at;
}

/* Lock held. */
static int add(unsigned port, plx_port_event_fn fn, void *arg)
{
	struct callback *callback, **at = &callbacks;

	if (*find(port, fn, arg))
		return -EEXIST;
	callback = malloc(sizeof(*callback));
	if (!callback)
		return -ENOMEM;
	*callback = (struct callback){.port = port,
				      .life = plx_port_life(port),
				      .serial = ++serials,
				      .fn = fn,
				      .arg = arg};
	while (*at)
		at = &(*at)->next;
	*at = callback;
	return 0;
}

int plx_port_event_add(unsigned id, plx_port_event_fn fn, void *arg)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_event_add");
	int ret = -EINVAL;

	if (!port)
		return -ENODEV;
	if (fn) {
		pthread_mutex_lock(&lock);
		ret = add(id, fn, arg);
		pthread_mutex_unlock(&lock);
	}
	if (ret)
		plx_port_log(port, PLX_LOG_ERR, "plx_port_event_add: %s",
			     !fn	      ? "fn is NULL"
			     : ret == -EEXIST ? "this callback with this argument is there"
					      : strerror(-ret));
	plx_port_leave();
	return ret;
}

int plx_port_event_del(unsigned id, plx_port_event_fn fn, void *arg)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_event_del");
	struct callback *callback, **at;
	uint64_t serial = 0;

	if (!port)
		return -ENODEV;
	pthread_mutex_lock(&lock);
	at = find(id, fn, arg);
	callback = *at;
	if (callback) {
		serial = callback->serial;
		*at = callback->next;
		free(callback);
	}
	pthread_mutex_unlock(&lock);
	if (!serial)
		plx_port_log(port, PLX_LOG_ERR, "plx_port_event_del: there is no such callback");
	plx_port_leave();
	plx_port_events_wait(serial);
	return serial ? 0 : -ENOENT;
}

uint64_t plx_port_events_drop(const struct plx_port *port)
{
	uint64_t serial;

	pthread_mutex_lock(&lock);
	drop(port->id);
	serial = running_port == port->id ? running : 0;
	pthread_mutex_unlock(&lock);
	return serial;
}

void plx_port_events_wait(uint64_t serial)
{
	if (!serial || plx_ctl_is_self())
		return;
	pthread_mutex_lock(&lock);
	while (running == serial)
		pthread_cond_wait(&ended, &lock);
	pthread_mutex_unlock(&lock);
}

unsigned plx_port_events_count(unsigned id)
{
	unsigned nb = 0;

	pthread_mutex_lock(&lock);
	for (const struct callback *at = callbacks; at; at = at->next)
		nb += at->port == id;
	pthread_mutex_unlock(&lock);
	return nb;
}
