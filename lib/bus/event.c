/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What happens to an open device. Each kind of event is an eventfd in the control thread's care:
 * VFIO signals two of them itself, uevent.c and the stand-in write to them. So a callback never
 * runs after the descriptor was taken back.
 */
#include "bus_private.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

static void on_event(void *arg)
{
	struct plx_pci_event_slot *slot = arg;
	struct plx_pci_dev *dev = slot->dev;
	enum plx_pci_event event = (enum plx_pci_event)(slot - dev->events);

	if (event != PLX_PCI_EVENT_ERROR && slot->told)
		return; /* the kernel asks again and again */
	slot->told = true;
	dev->event_fn(dev, event, dev->event_arg);
}

void plx_pci_event_signal(struct plx_pci_dev *dev, enum plx_pci_event event)
{
	uint64_t one = 1;

	if (event == PLX_PCI_EVENT_REMOVED)
		plx_store_release(&dev->is_gone, true);
	if (dev->events[event].fd >= 0 &&
	    write(dev->events[event].fd, &one, sizeof(one)) != sizeof(one))
		dev_log(dev, PLX_LOG_DEBUG, "eventfd: %s", strerror(errno));
}

/* Under the lock: plx_pci_event_signal() of another thread finds the descriptor or none. */
static int swap_fd(struct plx_pci_event_slot *slot, int fd)
{
	int old;

	plx_pci_lock();
	old = slot->fd;
	slot->fd = fd;
	plx_pci_unlock();
	return old;
}

static void disconnect(struct plx_pci_dev *dev)
{
	bool was_on = false;

	if (dev->has_uevents)
		plx_uevent_release();
	dev->has_uevents = false;

	for (unsigned i = 0; i < EVENTS; i++)
		was_on |= dev->events[i].fd >= 0;
	if (!was_on)
		return;
	if (dev->ops->events)
		dev->ops->events(dev, false);
	for (unsigned i = 0; i < EVENTS; i++) {
		int fd = swap_fd(&dev->events[i], -1);

		if (fd < 0)
			continue;
		plx_ctl_fd_del(fd);
		close(fd);
	}
}

static int connect_slot(struct plx_pci_event_slot *slot)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	int ret;

	if (fd < 0)
		return -errno;
	slot->told = false;
	ret = plx_ctl_intr_add(fd, sizeof(uint64_t), on_event, slot);
	if (ret) {
		close(fd);
		return ret;
	}
	swap_fd(slot, fd);
	return 0;
}

int plx_pci_event_set(struct plx_pci_dev *dev, plx_pci_event_fn fn, void *arg)
{
	int ret = 0;

	disconnect(dev);
	dev->event_fn = fn;
	dev->event_arg = arg;
	if (!fn)
		return 0;
	for (unsigned i = 0; i < EVENTS && ret == 0; i++)
		ret = connect_slot(&dev->events[i]);
	if (ret == 0 && dev->ops->events)
		ret = dev->ops->events(dev, true);
	if (ret) {
		dev_log(dev, PLX_LOG_ERR, "errors and removal can't be watched: %s",
			ret == -ENODEV ? "the EAL does not run" : strerror(-ret));
		disconnect(dev);
		return ret;
	}
	/* A container may have none: the rest works. */
	ret = plx_uevent_hold();
	dev->has_uevents = ret == 0;
	if (ret)
		dev_log(dev, PLX_LOG_WARN, "no uevents, so its removal is not told: %s",
			strerror(-ret));
	return 0;
}

void plx_pci_event_forked(struct plx_pci_dev *dev)
{
	for (unsigned i = 0; i < EVENTS; i++)
		if (dev->events[i].fd >= 0)
			close(dev->events[i].fd);
}
