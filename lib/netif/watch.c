/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches: one socket (a hub) for each network namespace that has any, in the control thread's
 * epoll set from the first watch on until the last is deleted. It gets the multicast about links,
 * and the answers to what is asked on it, in the kernel's order: the present state is asked for
 * when a watch is added, and of all watches after an overrun. A watch hears nothing until its own
 * answer has come: what lies in the socket before that may be about an earlier interface of its
 * index, or have lost its beginning.
 *
 * `lock` guards all lists. Callbacks run without it: `running` names the watch whose callback runs,
 * so that a delete can wait for it, and the hub's loop finds the next watch by serial number, since
 * its neighbours may be gone. A hub that is freed from within its own loop clears `looping`.
 */
#include "netif_private.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <pollux/ctl.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
	MSGS_A_TURN = 64,  /* others of the control thread have their turn then */
	ASKED_A_TURN = 16, /* their answers fit into the socket's buffer */
};

struct plx_netif_watch {
	struct plx_netif_watch *next;
	struct hub *hub;
	uint64_t serial;
	unsigned index;
	bool answered;
	bool over; /* gone, or being deleted */
	plx_netif_watch_fn fn;
	void *arg;
	struct plx_netif_info told; /* index 0: nothing yet */
};

struct hub {
	struct hub *next;
	struct mnl_socket *nl;
	pid_t pid; /* a child of fork() must not read its parent's messages */
	dev_t ns_dev;
	ino_t ns_ino;
	struct plx_netif_watch *watches; /* ascending serials */
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER; /* `running` */
static struct hub *hubs;
static uint64_t serials;
static struct plx_netif_watch *running;
static struct hub *looping; /* the control thread's alone */

/* ---- telling, in the control thread ---- */

/* The counts move all the time. */
static bool is_same(const struct plx_netif_info *a, const struct plx_netif_info *b)
{
	return memcmp(a, b, offsetof(struct plx_netif_info, rx_dropped)) == 0;
}

/* The next watch of an interface that has something to hear, made ready for its call. Lock held. */
static struct plx_netif_watch *next_due(struct hub *hub, uint64_t after, unsigned index,
					const struct plx_netif_info *info)
{
	struct plx_netif_watch *watch;

	for (watch = hub->watches; watch != NULL; watch = watch->next) {
		if (watch->serial <= after || watch->index != index || !watch->answered ||
		    watch->over)
			continue;
		if (info != NULL && is_same(info, &watch->told))
			continue;
		if (info != NULL)
			watch->told = *info;
		else
			watch->over = true;
		return watch;
	}
	return NULL;
}

/* @info NULL: gone. */
static void tell(struct hub *hub, unsigned index, const struct plx_netif_info *info)
{
	struct plx_netif_watch *watch;
	plx_netif_watch_fn fn;
	uint64_t serial = 0;
	void *arg;

	while (looping == hub) {
		pthread_mutex_lock(&lock);
		watch = next_due(hub, serial, index, info);
		if (watch == NULL) {
			pthread_mutex_unlock(&lock);
			return;
		}
		serial = watch->serial;
		fn = watch->fn;
		arg = watch->arg;
		running = watch;
		pthread_mutex_unlock(&lock);

		fn(info, arg);

		pthread_mutex_lock(&lock);
		running = NULL;
		pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
}

/* Anybody to tell? On the way, an answer opens its watch. */
static bool is_watched(struct hub *hub, const struct nlmsghdr *nlh, unsigned index)
{
	bool is_answer = nlh->nlmsg_pid == mnl_socket_get_portid(hub->nl), found = false;
	struct plx_netif_watch *watch;

	pthread_mutex_lock(&lock);
	for (watch = hub->watches; watch != NULL; watch = watch->next) {
		if (is_answer && nlh->nlmsg_seq == (uint32_t)watch->serial)
			watch->answered = true;
		found |= watch->index == index && watch->answered && !watch->over;
	}
	pthread_mutex_unlock(&lock);
	return found;
}

/* A question about an interface that is not there any more. */
static void on_error(struct hub *hub, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *error = mnl_nlmsg_get_payload(nlh);
	const struct ifinfomsg *link;

	if (mnl_nlmsg_get_payload_len(nlh) < sizeof(*error) + sizeof(*link) ||
	    error->error != -ENODEV || error->msg.nlmsg_type != RTM_GETLINK)
		return;
	link = mnl_nlmsg_get_payload(&error->msg);
	if (is_watched(hub, nlh, (unsigned)link->ifi_index))
		tell(hub, (unsigned)link->ifi_index, NULL);
}

static void on_message(struct hub *hub, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);
	struct plx_netif_info info;

	if (nlh->nlmsg_type == NLMSG_ERROR) {
		on_error(hub, nlh);
		return;
	}
	/* A bridge tells of its ports by the same messages, of its own family. */
	if ((nlh->nlmsg_type != RTM_NEWLINK && nlh->nlmsg_type != RTM_DELLINK) ||
	    mnl_nlmsg_get_payload_len(nlh) < sizeof(*link) || link->ifi_family != AF_UNSPEC ||
	    !is_watched(hub, nlh, (unsigned)link->ifi_index))
		return;
	if (nlh->nlmsg_type == RTM_DELLINK) {
		tell(hub, (unsigned)link->ifi_index, NULL);
		return;
	}
	plx_netif_decode(mnl_socket_get_fd(hub->nl), nlh, &info);
	tell(hub, info.index, &info);
}

static int ask(const struct plx_netif_watch *watch)
{
	return plx_netif_ask(watch->hub->nl, (uint32_t)watch->serial, watch->index, NULL);
}

/* Messages were lost. */
static void forget_answers(struct hub *hub)
{
	struct plx_netif_watch *watch;

	pthread_mutex_lock(&lock);
	for (watch = hub->watches; watch != NULL; watch = watch->next)
		watch->answered = false;
	pthread_mutex_unlock(&lock);
}

/* The socket is read empty, so answers that have not come were lost, or not asked for. Those that
 * are too many for now have their turn when these have come. */
static void ask_again(struct hub *hub)
{
	struct plx_netif_watch *watch;
	unsigned nb = 0;

	pthread_mutex_lock(&lock);
	for (watch = hub->watches; watch != NULL && nb < ASKED_A_TURN; watch = watch->next)
		if (!watch->over && !watch->answered)
			nb += ask(watch) == 0;
	pthread_mutex_unlock(&lock);
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	char buf[PLX_NETIF_MSG_BYTES] PLX_ALIGNED(8);
	struct hub *hub = arg;
	const struct nlmsghdr *nlh;
	bool drained = false;
	ssize_t got;
	int len;

	(void)events;
	looping = hub;
	for (unsigned i = 0; i < MSGS_A_TURN && looping == hub && !drained; i++) {
		got = recv(fd, buf, sizeof(buf), MSG_DONTWAIT | MSG_TRUNC);
		if (got > (ssize_t)sizeof(buf) || (got < 0 && errno == ENOBUFS)) {
			forget_answers(hub);
			continue;
		}
		drained = got < 0 && errno == EAGAIN;
		len = (int)got;
		nlh = (const void *)buf;
		for (; looping == hub && mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len))
			on_message(hub, nlh);
	}
	if (drained && looping == hub)
		ask_again(hub);
	looping = NULL;
}

/* ---- hubs ---- */

/* Of the calling thread. Without /proc all threads are taken to share one. */
static void which_namespace(struct hub *hub)
{
	struct stat st;

	hub->pid = getpid();
	if (stat("/proc/thread-self/ns/net", &st) != 0)
		return;
	hub->ns_dev = st.st_dev;
	hub->ns_ino = st.st_ino;
}

static int make_hub(const struct hub *key, struct hub **out)
{
	struct hub *hub = malloc(sizeof(*hub));
	int err;

	if (hub == NULL)
		return -ENOMEM;
	*hub = *key;
	err = plx_netif_open(RTMGRP_LINK, &hub->nl);
	if (err != 0) {
		free(hub);
		return err;
	}
	hub->next = hubs;
	hubs = hub;
	*out = hub;
	return 0;
}

/* The hub of the calling thread's namespace, made if need be, in the control thread's care. Lock
 * held. */
static int get_hub(struct hub **out)
{
	struct hub key = {0}, *hub;
	int err;

	which_namespace(&key);
	for (hub = hubs; hub != NULL; hub = hub->next)
		if (hub->pid == key.pid && hub->ns_dev == key.ns_dev && hub->ns_ino == key.ns_ino)
			break;
	if (hub == NULL) {
		err = make_hub(&key, &hub);
		if (err != 0)
			return err;
	}
	*out = hub;
	/* Dropped by plx_eal_fini(), if the EAL was started anew. */
	err = plx_ctl_fd_add(mnl_socket_get_fd(hub->nl), EPOLLIN, on_readable, hub);
	return err == -EEXIST ? 0 : err;
}

/* Take the hub out if no watch needs it. Lock held; the rest of the work is free_hub()'s, without
 * the lock. */
static struct hub *unlink_idle(struct hub *hub)
{
	struct hub **at = &hubs;

	if (hub->watches != NULL)
		return NULL;
	while (*at != hub)
		at = &(*at)->next;
	*at = hub->next;
	return hub;
}

static void free_hub(struct hub *hub)
{
	if (hub == NULL)
		return;
	if (hub->pid == getpid())
		plx_ctl_fd_del(mnl_socket_get_fd(hub->nl));
	/* Only a loop of the control thread that is this very thread can still be in it. */
	if (plx_ctl_is_self() && looping == hub)
		looping = NULL;
	mnl_socket_close(hub->nl);
	free(hub);
}

/* ---- watches ---- */

static void link_watch(struct hub *hub, struct plx_netif_watch *watch)
{
	struct plx_netif_watch **at = &hub->watches;

	while (*at != NULL)
		at = &(*at)->next;
	*at = watch;
	watch->next = NULL;
	watch->hub = hub;
	watch->serial = ++serials;
}

static void unlink_watch(struct plx_netif_watch *watch)
{
	struct plx_netif_watch **at = &watch->hub->watches;

	while (*at != watch)
		at = &(*at)->next;
	*at = watch->next;
}

/* The threads that held the lock or ran a callback are not in the child. */
static void forget_threads(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	running = NULL;
	looping = NULL;
}

static void watch_fork(void)
{
	(void)pthread_atfork(NULL, NULL, forget_threads);
}

int plx_netif_watch_add(unsigned index, plx_netif_watch_fn fn, void *arg,
			struct plx_netif_watch **watch)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct plx_netif_info info;
	struct plx_netif_watch *new;
	struct hub *hub = NULL, *idle = NULL;
	int err;

	if (fn == NULL || watch == NULL)
		return -EINVAL;
	err = plx_netif_by_index(index, &info);
	if (err != 0)
		return err;
	new = calloc(1, sizeof(*new));
	if (new == NULL)
		return -ENOMEM;
	new->index = index;
	new->fn = fn;
	new->arg = arg;

	pthread_once(&once, watch_fork);
	pthread_mutex_lock(&lock);
	err = get_hub(&hub);
	if (err == 0) {
		link_watch(hub, new);
		err = ask(new);
		if (err != 0)
			unlink_watch(new);
	}
	/* No callback can have run: `lock` is held. */
	*watch = err == 0 ? new : NULL;
	if (err != 0 && hub != NULL)
		idle = unlink_idle(hub);
	pthread_mutex_unlock(&lock);

	if (err != 0) {
		free_hub(idle);
		free(new);
	}
	return err;
}

void plx_netif_watch_del(struct plx_netif_watch *watch)
{
	struct hub *idle;

	if (watch == NULL)
		return;
	pthread_mutex_lock(&lock);
	watch->over = true;
	while (running == watch && !plx_ctl_is_self())
		pthread_cond_wait(&changed, &lock);
	unlink_watch(watch);
	idle = unlink_idle(watch->hub);
	pthread_mutex_unlock(&lock);
	free_hub(idle);
	free(watch);
}
