/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The kernel's uevents about PCI: one socket, in the control thread's epoll set while anybody wants
 * it. A message is "ACTION@path" and then "KEY=value" strings, each with its NUL; only those of the
 * kernel itself (port 0) count, since others may send to the group, too.
 *
 * `lock` guards the list of watches; `running` names the watch whose callback runs without it, so
 * that a delete can wait.
 */
#include "bus_private.h"

#include <errno.h>
#include <linux/netlink.h>
#include <pthread.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
	MESSAGE_BYTES = 8192, /* of the kernel: 2 KB of strings and a path */
	MESSAGES_A_TURN = 64,
	GROUP_KERNEL = 1,
	RECEIVE_BYTES = 1 << 20,
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static struct plx_pci_watch *watches;
static const struct plx_pci_watch *running;
static unsigned nb_holders;
static int socket_fd = -1;

/* ---- Telling, in the control thread ---- */

/* Number @index of the list. Lock held. */
static struct plx_pci_watch *nth(unsigned index)
{
	struct plx_pci_watch *watch = watches;

	while (watch && index-- > 0)
		watch = watch->next;
	return watch;
}

static void tell(const struct plx_pci_addr *addr, enum plx_pci_change change)
{
	struct plx_pci_watch *watch;
	unsigned index = 0;

	pthread_mutex_lock(&lock);
	while ((watch = nth(index)) != NULL) {
		plx_pci_watch_fn fn = watch->fn;
		void *arg = watch->arg;

		running = watch;
		pthread_mutex_unlock(&lock);
		fn(addr, change, arg);
		pthread_mutex_lock(&lock);
		/* Else it, or one before it, was deleted, and the next one has its place. */
		if (nth(index) == watch)
			index++;
		running = NULL;
		pthread_cond_broadcast(&changed);
	}
	pthread_mutex_unlock(&lock);
}

/* Messages are read later than they are sent: the one that is open may have come after that. */
static bool is_still_there(const struct plx_pci_dev *dev)
{
	return dev->folder != 0 && plx_pci_folder(&dev->info.addr) == dev->folder;
}

void plx_uevent_tell(const struct plx_pci_addr *addr, enum plx_pci_change change)
{
	struct plx_pci_dev *dev;

	if (change == PLX_PCI_CHANGE_REMOVED) {
		plx_pci_lock();
		dev = plx_pci_opened(addr);
		if (dev && !is_still_there(dev))
			plx_pci_event_signal(dev, PLX_PCI_EVENT_REMOVED);
		plx_pci_unlock();
	}
	tell(addr, change);
}

static const char *value_of(const char *text, size_t len, const char *key)
{
	size_t key_len = strlen(key);

	for (size_t at = 0; at < len; at += strlen(text + at) + 1)
		if (strncmp(text + at, key, key_len) == 0 && text[at + key_len] == '=')
			return text + at + key_len + 1;
	return NULL;
}

bool plx_uevent_parse(const char *text, size_t len, struct plx_pci_addr *addr,
		      enum plx_pci_change *change)
{
	static const struct {
		const char *action;
		enum plx_pci_change change;
	} actions[] = {
		{"add", PLX_PCI_CHANGE_ADDED},
		{"remove", PLX_PCI_CHANGE_REMOVED},
		{"bind", PLX_PCI_CHANGE_BOUND},
		{"unbind", PLX_PCI_CHANGE_UNBOUND},
	};
	const char *action, *subsystem, *slot;

	if (len == 0 || text[len - 1] != '\0')
		return false;
	action = value_of(text, len, "ACTION");
	subsystem = value_of(text, len, "SUBSYSTEM");
	slot = value_of(text, len, "PCI_SLOT_NAME");
	if (!action || !subsystem || !slot || strcmp(subsystem, "pci") != 0 ||
	    plx_pci_addr_parse(slot, addr, NULL))
		return false;
	for (size_t i = 0; i < PLX_ARRAY_SIZE(actions); i++) {
		if (strcmp(action, actions[i].action) == 0) {
			*change = actions[i].change;
			return true;
		}
	}
	return false;
}

static void on_readable(int fd, uint32_t events, void *arg)
{
	char text[MESSAGE_BYTES + 1];

	(void)events;
	(void)arg;
	for (unsigned i = 0; i < MESSAGES_A_TURN; i++) {
		struct sockaddr_nl from = {0};
		socklen_t from_len = sizeof(from);
		enum plx_pci_change change;
		struct plx_pci_addr addr;
		ssize_t got = recvfrom(fd, text, MESSAGE_BYTES, MSG_DONTWAIT,
				       (struct sockaddr *)&from, &from_len);

		if (got < 0 && errno == ENOBUFS) {
			LOG_WARN("uevents came faster than they were read: a removal may have been "
				 "missed");
			continue;
		}
		if (got < 0)
			return;
		text[got] = '\0';
		if (from.nl_pid == 0 && plx_uevent_parse(text, (size_t)got + 1, &addr, &change))
			plx_uevent_tell(&addr, change);
	}
}

/* ---- The socket ---- */

static int open_socket(void)
{
	struct sockaddr_nl here = {.nl_family = AF_NETLINK, .nl_groups = GROUP_KERNEL};
	int bytes = RECEIVE_BYTES, ret;

	socket_fd = socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			   NETLINK_KOBJECT_UEVENT);
	if (socket_fd < 0)
		return -errno;
	setsockopt(socket_fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	ret = bind(socket_fd, (struct sockaddr *)&here, sizeof(here)) == 0 ? 0 : -errno;
	if (ret == 0)
		ret = plx_ctl_fd_add(socket_fd, EPOLLIN, on_readable, NULL);
	if (ret) {
		close(socket_fd);
		socket_fd = -1;
	}
	return ret;
}

int plx_uevent_hold(void)
{
	int ret = 0;

	pthread_mutex_lock(&lock);
	if (nb_holders == 0) {
		ret = open_socket();
	} else {
		/* Who held it while the EAL ended may hold it still: the new one does not know
		 * it. */
		ret = plx_ctl_fd_add(socket_fd, EPOLLIN, on_readable, NULL);
		if (ret == -EEXIST)
			ret = 0;
	}
	if (ret == 0)
		nb_holders++;
	pthread_mutex_unlock(&lock);
	return ret;
}

void plx_uevent_release(void)
{
	int fd = -1;

	pthread_mutex_lock(&lock);
	if (--nb_holders == 0) {
		fd = socket_fd;
		socket_fd = -1;
	}
	pthread_mutex_unlock(&lock);
	if (fd < 0)
		return;
	plx_ctl_fd_del(fd);
	close(fd);
}

void plx_uevent_forked(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	changed = (pthread_cond_t)PTHREAD_COND_INITIALIZER;
	watches = NULL;
	running = NULL;
	nb_holders = 0;
	if (socket_fd >= 0)
		close(socket_fd);
	socket_fd = -1;
}

/* ---- Watches ---- */

int plx_pci_watch_add(struct plx_pci_watch *watch)
{
	struct plx_pci_watch **at;
	int ret;

	if (!watch || !watch->fn)
		return -EINVAL;
	ret = plx_uevent_hold();
	if (ret) {
		LOG_ERR("PCI devices that come and go can't be watched: %s",
			ret == -ENODEV ? "the EAL does not run" : strerror(-ret));
		return ret;
	}
	pthread_mutex_lock(&lock);
	for (at = &watches; *at && *at != watch; at = &(*at)->next)
		;
	if (*at) {
		ret = -EEXIST;
	} else {
		watch->next = NULL;
		*at = watch;
	}
	pthread_mutex_unlock(&lock);
	if (ret)
		plx_uevent_release();
	return ret;
}

int plx_pci_watch_del(struct plx_pci_watch *watch)
{
	struct plx_pci_watch **at;
	bool found;

	pthread_mutex_lock(&lock);
	for (at = &watches; *at && *at != watch; at = &(*at)->next)
		;
	found = *at != NULL;
	if (found)
		*at = watch->next;
	while (running == watch && !plx_ctl_is_self())
		pthread_cond_wait(&changed, &lock);
	pthread_mutex_unlock(&lock);
	if (!found)
		return -ENOENT;
	plx_uevent_release();
	return 0;
}
