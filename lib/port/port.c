/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Which ports there are: slots, the list of drivers, attach and detach, owners, information.
 */
#include "port_private.h"

#include <pollux/bits.h>
#include <pollux/eal.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct plx_log_module plx_log_port = PLX_LOG_MODULE("port");

static const struct plx_port_driver *const no_drivers[] = {NULL};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static const struct plx_port_driver *const *drivers = no_drivers;
static struct plx_port slots[PLX_PORT_MAX];
struct plx_port_private plx_port_privates[PLX_PORT_MAX];
static uint64_t attached; /* atomic; bit of each id */
static pid_t owner_pid;	  /* atomic; of who began to attach ports; 0: nobody, or all are gone */

_Static_assert(PLX_PORT_MAX <= 64, "attached has a bit for each port");

/* ---- Finding a port ---- */

static uint64_t attached_mask(void)
{
	/* Acquire: pairs with the release in publish(). */
	return plx_load_acquire(&attached);
}

static bool in_mask(uint64_t mask, unsigned id)
{
	return id < PLX_PORT_MAX && (mask >> id & 1) != 0;
}

bool plx_port_is_valid(unsigned port)
{
	return in_mask(attached_mask(), port);
}

/* In brackets: port_driver.h has a macro of that name. */
unsigned plx_port_count(void)
{
	return (unsigned)__builtin_popcountll(attached_mask());
}

struct plx_port *plx_port_slot(unsigned id)
{
	return &slots[id];
}

int plx_port_none(unsigned id, const char *call)
{
	plx_log(&plx_log_port, PLX_LOG_ERR, "%s: there is no port %u", call, id);
	return -ENODEV;
}

/* This process is a child, and has its parent's ports: one that took the lock may be missing. */
static bool is_forked(void)
{
	pid_t owner = plx_load_relaxed(&owner_pid);

	return owner != 0 && owner != getpid();
}

static bool refuse_forked(const char *what)
{
	if (!is_forked())
		return false;
	plx_log(&plx_log_port, PLX_LOG_ERR,
		"%s: this child of fork() has its parent's ports: call plx_fini() and plx_init() "
		"first",
		what);
	return true;
}

struct plx_port *plx_port_enter(unsigned id, const char *call)
{
	if (refuse_forked(call))
		return NULL;
	pthread_mutex_lock(&lock);
	if (plx_port_is_valid(id))
		return &slots[id];
	pthread_mutex_unlock(&lock);
	plx_port_none(id, call);
	return NULL;
}

void plx_port_leave(void)
{
	pthread_mutex_unlock(&lock);
}

void plx_port_unpinned(unsigned id)
{
	static const struct timespec short_while = {.tv_nsec = 20000};

	/* Release: pairs with plx_port_pin(). A read alone would not do: it may pass the store that
	 * made the thing unreachable. */
	while (plx_fetch_add_acq_rel(&plx_port_privates[id].pins, 0) != 0)
		nanosleep(&short_while, NULL);
}

/* Ids above @port in @mask; PLX_PORT_NONE, of which no id is above, stands for "from 0". */
static unsigned next_in(uint64_t mask, unsigned port)
{
	unsigned id = port == PLX_PORT_NONE ? 0 : port + 1;

	while (id < PLX_PORT_MAX && !in_mask(mask, id))
		id++;
	return id < PLX_PORT_MAX ? id : PLX_PORT_NONE;
}

static bool is_wanted(const struct plx_port *port, const char *driver, const char *owner)
{
	return (!driver || strcmp(port->driver->name, driver) == 0) &&
	       (!owner || strcmp(port->owner, owner) == 0);
}

unsigned plx_port_next(unsigned port, const char *driver, const char *owner)
{
	if (!driver && !owner)
		return next_in(attached_mask(), port);
	if (is_forked())
		return PLX_PORT_NONE;
	pthread_mutex_lock(&lock);
	do {
		port = next_in(attached_mask(), port);
	} while (port != PLX_PORT_NONE && !is_wanted(&slots[port], driver, owner));
	pthread_mutex_unlock(&lock);
	return port;
}

/* Lock held. */
static unsigned find_name(const char *name)
{
	unsigned id;

	PLX_PORT_FOREACH(id)
		if (strcmp(slots[id].name, name) == 0)
			break;
	return id;
}

int plx_port_by_name(const char *name, unsigned *port)
{
	unsigned id = PLX_PORT_NONE;

	if (name && port && !is_forked()) {
		pthread_mutex_lock(&lock);
		id = find_name(name);
		pthread_mutex_unlock(&lock);
	}
	if (id == PLX_PORT_NONE)
		return -ENODEV;
	*port = id;
	return 0;
}

/* ---- In a child of fork() ---- */

/* The parent's devices go on: their state is not touched here. */
static void forget_parents(void)
{
	lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
	for (unsigned id = 0; id < PLX_PORT_MAX; id++) {
		plx_store_relaxed(&plx_port_privates[id].pins, 0);
		if (!plx_port_is_valid(id))
			continue;
		plx_port_paths_close(&slots[id]);
		/* Without priv another thread was in the middle of detaching it. */
		if (slots[id].priv && slots[id].driver->forked)
			slots[id].driver->forked(&slots[id]);
		memset(slots[id].rxqs, 0, sizeof(slots[id].rxqs));
		memset(slots[id].txqs, 0, sizeof(slots[id].txqs));
		plx_port_counts_destroy(&slots[id]);
		free(plx_port_privates[id].macs);
	}
	plx_store_release(&attached, 0);
	plx_port_events_forked();
	plx_store_relaxed(&owner_pid, 0);
}

/* ---- Drivers ---- */

static int check_bytes(const struct plx_port_driver *driver, const char *field, size_t bytes,
		       size_t base_bytes, const struct plx_port_counter *counters)
{
	if (bytes == 0)
		bytes = base_bytes;
	if (bytes < base_bytes) {
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"plx_port_drivers_set: %s: %s is %zu: want 0, or at least %zu",
			driver->name, field, bytes, base_bytes);
		return -EINVAL;
	}
	for (; counters && counters->name; counters++) {
		if (counters->offset <= bytes - sizeof(uint64_t))
			continue;
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"plx_port_drivers_set: %s: counter %s is at offset %u: want one within %s, "
			"which is %zu",
			driver->name, counters->name, counters->offset, field, bytes);
		return -EINVAL;
	}
	return 0;
}

static int check_drivers(const struct plx_port_driver *const *list)
{
	int ret = 0;

	for (; *list && ret == 0; list++) {
		ret = check_bytes(*list, "rxq_bytes", (*list)->rxq_bytes,
				  sizeof(struct plx_port_rxq), (*list)->rxq_counters);
		if (ret == 0)
			ret = check_bytes(*list, "txq_bytes", (*list)->txq_bytes,
					  sizeof(struct plx_port_txq), (*list)->txq_counters);
	}
	return ret;
}

int plx_port_drivers_set(const struct plx_port_driver *const *list)
{
	int ret;

	if (!list)
		list = no_drivers;
	ret = check_drivers(list);
	if (ret)
		return ret;
	if (is_forked())
		forget_parents();
	pthread_mutex_lock(&lock);
	plx_port_paths_init();
	if (attached_mask())
		ret = -EBUSY;
	else
		plx_store_release(&drivers, list);
	pthread_mutex_unlock(&lock);
	if (ret)
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"plx_port_drivers_set: ports are attached, detach them first");
	return ret;
}

const struct plx_port_driver *const *plx_port_drivers(void)
{
	return plx_load_acquire(&drivers);
}

static void refuse_name(const char *name)
{
	char list[400] = "";
	size_t len = 0;

	for (unsigned i = 0; drivers[i] && len < sizeof(list); i++)
		if (drivers[i]->probe)
			len += (size_t)snprintf(list + len, sizeof(list) - len, "%s%s0",
						len ? ", " : "", drivers[i]->name);
	plx_log(&plx_log_port, PLX_LOG_ERR,
		"%.80s: no such device; want a driver's name and a number, as %s", name,
		*list ? list : "(this build has no drivers)");
}

/* NULL after a line. */
static const struct plx_port_driver *find_driver(const char *name)
{
	size_t len = strlen(name), stem = len;

	while (stem > 0 && name[stem - 1] >= '0' && name[stem - 1] <= '9')
		stem--;
	for (unsigned i = 0; drivers[i] && stem < len; i++) {
		const char *known = drivers[i]->name;

		if (strlen(known) == stem && memcmp(known, name, stem) == 0 && drivers[i]->probe)
			return drivers[i];
	}
	refuse_name(name);
	return NULL;
}

const struct plx_port_driver *plx_port_pci_driver(const struct plx_pci_id *id)
{
	const struct plx_port_driver *const *list = plx_port_drivers();

	for (unsigned i = 0; list[i]; i++)
		if (list[i]->pci_ids && plx_pci_id_match(list[i]->pci_ids, id))
			return list[i];
	return NULL;
}

struct ether_addr plx_port_mac_made(const struct plx_port *port, const char *letters)
{
	unsigned long number = strtoul(port->name + strlen(port->driver->name), NULL, 10);
	uint8_t four[4] = {0};

	memcpy(four, letters, strnlen(letters, sizeof(four)));
	return (struct ether_addr){{0x02, four[0], four[1], four[2],
				    (uint8_t)(four[3] ^ number >> 8), (uint8_t)number}};
}

/* NULL after a line. */
static const struct plx_port_driver *find_pci_driver(const struct plx_pci_info *info)
{
	const struct plx_port_driver *driver = plx_port_pci_driver(&info->id);

	if (!driver)
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"%s: this build has no driver for PCI device %04x:%04x", info->name,
			info->id.vendor, info->id.device);
	return driver;
}

/* ---- Attach and detach: lock held ---- */

static void publish(const struct plx_port *port)
{
	/* Release: pairs with attached_mask(). */
	plx_store_release(&attached, attached_mask() | UINT64_C(1) << port->id);
}

static void hide(struct plx_port *port)
{
	plx_store_release(&attached, attached_mask() & ~(UINT64_C(1) << port->id));
	plx_port_unpinned(port->id);
}

/* The lock is held. */
static int refuse_twice(const char *name)
{
	if (find_name(name) == PLX_PORT_NONE)
		return 0;
	plx_log(&plx_log_port, PLX_LOG_ERR, "%s: a device of that name is attached", name);
	return -EEXIST;
}

static int free_slot(const char *name, struct plx_port **port)
{
	uint64_t mask = attached_mask();
	unsigned id = 0;

	if (refuse_twice(name))
		return -EEXIST;
	while (in_mask(mask, id))
		id++;
	if (id == PLX_PORT_MAX) {
		plx_log(&plx_log_port, PLX_LOG_ERR, "%s: all %d ports are attached", name,
			PLX_PORT_MAX);
		return -ENOSPC;
	}
	*port = &slots[id];
	return 0;
}

/* Who takes no lock may still look at the slot of the port before: no memset(). */
static void reset_slot(struct plx_port *port, const char *name,
		       const struct plx_port_driver *driver, struct plx_pci_dev *pci)
{
	unsigned id = (unsigned)(port - slots);
	struct plx_port_private *inner = &plx_port_privates[id];

	plx_store_release(&port->state, PLX_PORT_ATTACHED);
	port->id = id;
	snprintf(port->name, sizeof(port->name), "%s", name);
	port->owner[0] = '\0';
	port->driver = driver;
	port->conf = (struct plx_port_conf){0};
	port->promisc = false;
	port->allmulti = false;
	port->pci = pci;
	port->priv = NULL;
	port->node = pci ? plx_pci_info(pci)->node : PLX_NODE_ANY;
	plx_store_relaxed(&port->mtu, ETHERMTU);
	port->mac = (struct ether_addr){0};
	port->outside = (struct plx_port_stats){0};
	port->inner = inner;
	plx_store_release(&inner->link, 0);
	plx_store_release(&inner->pending, (plx_port_life(id) + 1) << PLX_PORT_EVENT_BITS);
	plx_store_release(&inner->stray, 0);
	inner->can_link = false;
	inner->removed = false;
	inner->macs = NULL;
	inner->nb_macs = 0;
	memset(inner->vlans, 0, sizeof(inner->vlans));
	inner->outside_base = (struct plx_port_stats){0};
	inner->stray_base = 0;
}

static int probe(struct plx_port *port, const struct plx_devargs *args)
{
	struct plx_port_info info;
	int ret;

	ret = plx_port_counts_create(port);
	if (ret)
		return ret;
	if (port->pci)
		ret = port->driver->pci_probe(port, port->pci, args);
	else
		ret = port->driver->probe(port, args);
	if (ret)
		goto destroy_counts;
	plx_port_fill_info(port, &info);
	port->inner->can_link = (info.can & PLX_PORT_CAN_LINK) != 0;
	plx_port_link_follow(port, false);
	return 0;

destroy_counts:
	plx_port_counts_destroy(port);
	return ret;
}

static int check_eal(const char *name)
{
	if (plx_eal_conf())
		return 0;
	plx_log(&plx_log_port, PLX_LOG_ERR, "%s: the EAL does not run: call plx_init() first",
		name);
	return -ENODEV;
}

/* @pci: the function that it is to be made of, or NULL. */
static int attach(const struct plx_devargs *args, struct plx_pci_dev *pci, unsigned *id)
{
	const struct plx_port_driver *driver;
	struct plx_port *port = NULL;
	int ret = check_eal(args->name);

	if (ret)
		return ret;
	driver = pci ? find_pci_driver(plx_pci_info(pci)) : find_driver(args->name);
	if (!driver)
		return pci ? -ENODEV : -EINVAL;
	ret = plx_devargs_check(args, driver->keys);
	if (ret)
		return ret;
	ret = free_slot(args->name, &port);
	if (ret)
		return ret;
	plx_store_relaxed(&owner_pid, getpid());
	ret = plx_port_events_open();
	if (ret)
		return ret;
	plx_port_paths_init();
	reset_slot(port, args->name, driver, pci);
	ret = probe(port, args);
	if (ret)
		return ret;
	publish(port);
	plx_port_log(port, PLX_LOG_INFO, "is port %u", port->id);
	if (id)
		*id = port->id;
	return 0;
}

static int attach_locked(const struct plx_devargs *args, struct plx_pci_dev *pci, unsigned *port)
{
	int ret;

	if (refuse_forked(args->name))
		return -ENODEV;
	pthread_mutex_lock(&lock);
	ret = attach(args, pci, port);
	pthread_mutex_unlock(&lock);
	return ret;
}

/* The device string of a function: its name, then @pairs. */
static int parse_pci(struct plx_devargs *parsed, const char *name, const char *pairs)
{
	bool has_pairs = pairs && *pairs;
	char *text;
	int ret;

	if (asprintf(&text, "%s%s%s", name, has_pairs ? "," : "", has_pairs ? pairs : "") < 0) {
		plx_log(&plx_log_port, PLX_LOG_ERR, "%s: out of memory", name);
		return -ENOMEM;
	}
	ret = plx_devargs_parse(parsed, text);
	free(text);
	return ret;
}

int plx_port_attach_pci(struct plx_pci_dev *dev, const char *args, unsigned *port)
{
	struct plx_devargs parsed;
	int ret = parse_pci(&parsed, plx_pci_info(dev)->name, args);

	return ret ? ret : attach_locked(&parsed, dev, port);
}

/* What stands behind the address is checked before the device is touched. */
static int check_address(const struct plx_pci_addr *addr, const struct plx_devargs *args)
{
	const struct plx_port_driver *driver;
	struct plx_pci_info info;
	int ret = check_eal(args->name);

	if (ret)
		return ret;
	ret = refuse_twice(args->name);
	if (ret)
		return ret;
	if (plx_pci_find(addr, &info)) {
		plx_log(&plx_log_port, PLX_LOG_ERR,
			"%s: there is no PCI device of that address (`lspci -D` lists them)",
			args->name);
		return -ENODEV;
	}
	driver = find_pci_driver(&info);
	return driver ? plx_devargs_check(args, driver->keys) : -ENODEV;
}

static int attach_address(const struct plx_pci_addr *addr, const struct plx_devargs *args,
			  unsigned *port)
{
	struct plx_pci_dev *dev = NULL;
	int ret = check_address(addr, args);

	if (ret)
		return ret;
	ret = plx_pci_open(addr, plx_eal_conf()->allow_unsafe_dma ? PLX_PCI_UNSAFE_DMA : 0, &dev);
	if (ret)
		return ret;
	ret = attach(args, dev, port);
	if (ret)
		plx_pci_close(dev);
	return ret;
}

/* One lock over all of it: of two that want the same function one has it, the other is told. */
static int attach_address_locked(const struct plx_pci_addr *addr, const char *pairs, unsigned *port)
{
	char name[PLX_PCI_NAME_MAX];
	struct plx_devargs parsed;
	int ret = parse_pci(&parsed, plx_pci_addr_format(addr, name), pairs);

	if (ret)
		return ret;
	if (refuse_forked(name))
		return -ENODEV;
	pthread_mutex_lock(&lock);
	ret = attach_address(addr, &parsed, port);
	pthread_mutex_unlock(&lock);
	return ret;
}

int plx_port_attach(const char *device, unsigned *port)
{
	struct plx_pci_addr addr;
	struct plx_devargs args;
	int ret = plx_devargs_parse(&args, device);

	if (ret)
		return ret;
	if (plx_pci_addr_parse(args.name, &addr, NULL) == 0)
		return attach_address_locked(
			&addr, device[strlen(args.name)] ? device + strlen(args.name) + 1 : "",
			port);
	if (strlen(args.name) >= PLX_PORT_NAME_MAX) {
		plx_log(&plx_log_port, PLX_LOG_ERR, "device '%.60s...': its name is over %d bytes",
			args.name, PLX_PORT_NAME_MAX - 1);
		return -EINVAL;
	}
	return attach_locked(&args, NULL, port);
}

/* Returns what plx_port_events_wait() wants. */
static uint64_t detach(struct plx_port *port)
{
	uint64_t serial;

	plx_port_close_locked(port);
	port->driver->remove(port);
	plx_pci_close(port->pci);
	port->pci = NULL;
	hide(port);
	serial = plx_port_events_drop(port);
	plx_port_link_wake(port);
	plx_port_counts_destroy(port);
	free(port->inner->macs);
	return serial;
}

int plx_port_detach(unsigned id)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_detach");
	uint64_t serial;

	if (!port)
		return -ENODEV;
	if (port->state == PLX_PORT_STARTED) {
		plx_port_leave();
		plx_log(&plx_log_port, PLX_LOG_ERR, "plx_port_detach: port %u is started: stop it",
			id);
		return -EBUSY;
	}
	serial = detach(port);
	plx_port_leave();
	plx_port_events_wait(serial);
	return 0;
}

void plx_port_fini(void)
{
	uint64_t serial;
	unsigned id;

	if (is_forked()) {
		forget_parents();
		return;
	}
	for (id = PLX_PORT_MAX; id-- > 0;) {
		pthread_mutex_lock(&lock);
		serial = plx_port_is_valid(id) ? detach(&slots[id]) : 0;
		pthread_mutex_unlock(&lock);
		plx_port_events_wait(serial);
	}
	plx_port_events_close();
	plx_store_relaxed(&owner_pid, 0);
}

/* ---- Owners ---- */

static int check_owner(const char *owner, const char *call)
{
	if (owner && *owner && strlen(owner) < PLX_PORT_NAME_MAX)
		return 0;
	plx_log(&plx_log_port, PLX_LOG_ERR, "%s: want an owner's name of 1 to %d bytes", call,
		PLX_PORT_NAME_MAX - 1);
	return -EINVAL;
}

int plx_port_own(unsigned id, const char *owner)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_own");
	int ret;

	if (!port)
		return -ENODEV;
	ret = check_owner(owner, "plx_port_own");
	if (ret == 0 && port->owner[0]) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_own: it belongs to '%s'", port->owner);
		ret = -EBUSY;
	}
	if (ret == 0)
		snprintf(port->owner, sizeof(port->owner), "%s", owner);
	plx_port_leave();
	return ret;
}

int plx_port_disown(unsigned id, const char *owner)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_disown");
	int ret;

	if (!port)
		return -ENODEV;
	ret = check_owner(owner, "plx_port_disown");
	if (ret == 0 && strcmp(port->owner, owner) != 0) {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_disown: it belongs to '%s', not to '%s'",
			     port->owner, owner);
		ret = -EBUSY;
	}
	if (ret == 0)
		port->owner[0] = '\0';
	plx_port_leave();
	return ret;
}

/* ---- Information ---- */

/* An ability whose call is no note of the port layer's is there with that call only. */
static uint32_t mend_can(const struct plx_port_ops *ops, uint32_t can)
{
	if (!ops->vlan_filter)
		can &= ~(uint32_t)PLX_PORT_CAN_VLAN_FILTER;
	if (!ops->rss || !ops->rss_set)
		can &= ~(uint32_t)PLX_PORT_CAN_RSS;
	return can;
}

void plx_port_fill_info(struct plx_port *port, struct plx_port_info *info)
{
	static const struct plx_port_limits ring = {.min = 1, .max = 32768, .step = 1};

	*info = (struct plx_port_info){
		.driver = port->driver->name,
		.state = port->state,
		.nb_rx_queues = port->conf.nb_rx_queues,
		.nb_tx_queues = port->conf.nb_tx_queues,
		.node = port->node,
		.max_rx_queues = 1,
		.max_tx_queues = 1,
		.rx_ring = ring,
		.tx_ring = ring,
		.rx_ring_default = 512,
		.tx_ring_default = 512,
		.burst_default = 32,
		.min_mtu = 68,
		.max_mtu = ETHERMTU,
		.max_frame_bytes =
			plx_load_relaxed(&port->mtu) + ETHER_HDR_LEN + PLX_PORT_TAG_BYTES,
		.max_macs = 1,
	};
	memcpy(info->name, port->name, sizeof(info->name));
	if (port->driver->ops->info)
		port->driver->ops->info(port, info);
	info->can = mend_can(port->driver->ops, info->can);
	info->max_rx_queues = plx_min_u32(info->max_rx_queues, PLX_PORT_QUEUES_MAX);
	info->max_tx_queues = plx_min_u32(info->max_tx_queues, PLX_PORT_QUEUES_MAX);
}

int plx_port_info(unsigned id, struct plx_port_info *info)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_info");

	if (!port)
		return -ENODEV;
	if (info)
		plx_port_fill_info(port, info);
	else
		plx_port_log(port, PLX_LOG_ERR, "plx_port_info: info is NULL");
	plx_port_leave();
	return info ? 0 : -EINVAL;
}

int plx_port_node(unsigned id)
{
	int node;

	if (id >= PLX_PORT_MAX)
		return PLX_NODE_ANY;
	plx_port_pin(id);
	node = plx_port_is_valid(id) ? slots[id].node : PLX_NODE_ANY;
	plx_port_unpin(id);
	return node;
}
