/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A port's life: configure, start, stop, close.
 */
#include "port_private.h"

struct range {
	const char *what;
	uint32_t value, min, max;
};

static int check_ranges(const struct plx_port *port, const struct plx_port_conf *conf,
			const struct plx_port_info *info)
{
	const struct range ranges[] = {
		{"receive queues", conf->nb_rx_queues, 0, info->max_rx_queues},
		{"transmit queues", conf->nb_tx_queues, 0, info->max_tx_queues},
		{"queues", conf->nb_rx_queues + conf->nb_tx_queues, 1, UINT32_MAX},
		{"MTU", conf->mtu ? conf->mtu : info->min_mtu, info->min_mtu, info->max_mtu},
	};

	for (size_t i = 0; i < PLX_ARRAY_SIZE(ranges); i++) {
		const struct range *r = &ranges[i];

		if (r->value >= r->min && r->value <= r->max)
			continue;
		if (r->max == UINT32_MAX)
			plx_port_log(port, PLX_LOG_ERR, "configure: want at least one queue");
		else
			plx_port_log(port, PLX_LOG_ERR, "configure: %s: %u is not in [%u, %u]",
				     r->what, r->value, r->min, r->max);
		return -EINVAL;
	}
	return 0;
}

static int check_abilities(const struct plx_port *port, const struct plx_port_conf *conf,
			   const struct plx_port_info *info)
{
	uint32_t rx = conf->rx_offloads & ~info->rx_offloads;
	uint32_t tx = conf->tx_offloads & ~info->tx_offloads;
	const char *what = NULL;

	if (rx || tx) {
		plx_port_log(port, PLX_LOG_ERR,
			     "configure: %s offloads 0x%x: this port has 0x%x only",
			     rx ? "receive" : "transmit", rx ? rx : tx,
			     rx ? info->rx_offloads : info->tx_offloads);
		return -ENOTSUP;
	}
	if (conf->mtu && conf->mtu != plx_load_relaxed(&port->mtu) &&
	    !(info->can & PLX_PORT_CAN_MTU_SET))
		what = "another MTU";
	else if (conf->promisc && !(info->can & PLX_PORT_CAN_PROMISC))
		what = "promiscuous mode";
	else if (conf->allmulti && !(info->can & PLX_PORT_CAN_ALLMULTI))
		what = "all-multicast mode";
	else if (conf->rx_intr && !(info->can & PLX_PORT_CAN_RX_INTR))
		what = "interrupts of receive queues";
	if (!what)
		return 0;
	plx_port_log(port, PLX_LOG_ERR, "configure: this port does not have %s", what);
	return -ENOTSUP;
}

static int set_mode(struct plx_port *port, int (*set)(struct plx_port *port, bool on), bool *is,
		    bool want)
{
	int ret = want && !*is && set ? set(port, true) : 0;

	if (ret == 0 && want)
		*is = true;
	return ret;
}

static int set_mtu(struct plx_port *port, uint32_t mtu)
{
	int (*set)(struct plx_port *, uint32_t) = port->driver->ops->mtu_set;
	int ret = mtu != plx_load_relaxed(&port->mtu) && set ? set(port, mtu) : 0;

	if (ret == 0)
		plx_store_relaxed(&port->mtu, mtu);
	return ret;
}

/* The steps that are the driver's; what is undone is what others see. */
static int apply(struct plx_port *port, const struct plx_port_conf *conf)
{
	const struct plx_port_ops *ops = port->driver->ops;
	uint32_t old_mtu = plx_load_relaxed(&port->mtu);
	bool was_promisc = port->promisc;
	int ret;

	ret = set_mtu(port, conf->mtu ? conf->mtu : plx_load_relaxed(&port->mtu));
	if (ret)
		return ret;
	port->conf = *conf;
	port->conf.mtu = plx_load_relaxed(&port->mtu);
	ret = ops->configure ? ops->configure(port) : 0;
	if (ret)
		goto restore_mtu;
	ret = set_mode(port, ops->promisc_set, &port->promisc, conf->promisc);
	if (ret)
		goto restore_mtu;
	ret = set_mode(port, ops->allmulti_set, &port->allmulti, conf->allmulti);
	if (ret)
		goto restore_promisc;
	return 0;

restore_promisc:
	if (!was_promisc && port->promisc && ops->promisc_set && ops->promisc_set(port, false))
		plx_port_log(port, PLX_LOG_WARN, "it stays promiscuous");
	else
		port->promisc = was_promisc;
restore_mtu:
	if (set_mtu(port, old_mtu))
		plx_port_log(port, PLX_LOG_WARN, "its MTU stays at %u",
			     plx_load_relaxed(&port->mtu));
	return ret;
}

static int configure(struct plx_port *port, const struct plx_port_conf *want)
{
	struct plx_port_conf conf;
	struct plx_port_info info;
	int ret;

	if (port->state == PLX_PORT_STARTED) {
		plx_port_log(port, PLX_LOG_ERR, "configure: it is started: stop it first");
		return -EBUSY;
	}
	if (!want) {
		plx_port_log(port, PLX_LOG_ERR, "configure: conf is NULL");
		return -EINVAL;
	}
	conf = *want;
	plx_port_fill_info(port, &info);
	ret = check_ranges(port, &conf, &info);
	if (ret)
		return ret;
	ret = check_abilities(port, &conf, &info);
	if (ret)
		return ret;
	ret = plx_port_rss_resolve(port, &info, conf.nb_rx_queues, &conf.rss);
	if (ret)
		return ret;
	plx_port_close_locked(port);
	ret = apply(port, &conf);
	if (ret)
		port->conf = (struct plx_port_conf){0};
	else
		plx_store_release(&port->state, PLX_PORT_CONFIGURED);
	return ret;
}

int plx_port_configure(unsigned id, const struct plx_port_conf *conf)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_configure");
	int ret;

	if (!port)
		return -ENODEV;
	ret = configure(port, conf);
	plx_port_leave();
	return ret;
}

int plx_port_setup(unsigned port, unsigned nb_rx_queues, unsigned nb_tx_queues,
		   struct plx_mempool *pool)
{
	struct plx_port_conf conf = {.nb_rx_queues = nb_rx_queues, .nb_tx_queues = nb_tx_queues};
	struct plx_port_rxq_conf rxq = {.pool = pool, .node = PLX_NODE_ANY};
	int ret = plx_port_configure(port, &conf);

	for (unsigned i = 0; ret == 0 && i < nb_rx_queues; i++)
		ret = plx_port_rxq_setup(port, i, &rxq);
	for (unsigned i = 0; ret == 0 && i < nb_tx_queues; i++)
		ret = plx_port_txq_setup(port, i, NULL);
	return ret;
}

/* ---- Start and stop ---- */

static int check_queues(const struct plx_port *port)
{
	const unsigned nb[PLX_PORT_DIRS] = {port->conf.nb_rx_queues, port->conf.nb_tx_queues};

	for (int dir = 0; dir < PLX_PORT_DIRS; dir++) {
		for (unsigned i = 0; i < nb[dir]; i++) {
			if (plx_port_queue(port, (enum plx_port_dir)dir, i))
				continue;
			plx_port_log(port, PLX_LOG_ERR, "start: %s queue %u is not set up",
				     dir == PLX_PORT_RX ? "receive" : "transmit", i);
			return -EBUSY;
		}
	}
	return 0;
}

static bool has_bursts(const struct plx_port *port)
{
	bool has = true;

	for (unsigned i = 0; i < port->conf.nb_rx_queues; i++)
		has = has && port->rxqs[i]->burst;
	for (unsigned i = 0; i < port->conf.nb_tx_queues; i++)
		has = has && port->txqs[i]->burst;
	return has;
}

static int start(struct plx_port *port)
{
	int ret;

	if (port->state != PLX_PORT_CONFIGURED) {
		plx_port_log(port, PLX_LOG_ERR, "start: it is %s",
			     port->state == PLX_PORT_STARTED ? "started already"
							     : "not configured");
		return -EBUSY;
	}
	if (plx_load_relaxed(&port->inner->removed)) {
		plx_port_log(port, PLX_LOG_ERR,
			     "start: the device is gone: detach the port, and attach it anew when "
			     "the device is back");
		return -ENODEV;
	}
	ret = check_queues(port);
	if (ret)
		return ret;
	ret = port->driver->ops->start(port);
	if (ret)
		return ret;
	if (!has_bursts(port)) {
		plx_port_log(port, PLX_LOG_ERR, "start: its driver left a queue without a burst");
		port->driver->ops->stop(port);
		return -ENOSYS;
	}
	plx_port_paths_open(port);
	plx_store_release(&port->state, PLX_PORT_STARTED);
	plx_port_link_follow(port, true);
	return 0;
}

int plx_port_start(unsigned id)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_start");
	int ret;

	if (!port)
		return -ENODEV;
	ret = start(port);
	plx_port_leave();
	return ret;
}

void plx_port_stop_locked(struct plx_port *port)
{
	if (port->state != PLX_PORT_STARTED)
		return;
	plx_port_paths_close(port);
	port->driver->ops->stop(port);
	plx_store_release(&port->state, PLX_PORT_CONFIGURED);
	plx_port_link_follow(port, false);
}

void plx_port_close_locked(struct plx_port *port)
{
	plx_port_stop_locked(port);
	plx_port_release_queues(port);
	port->conf = (struct plx_port_conf){0};
	plx_store_release(&port->state, PLX_PORT_ATTACHED);
}

int plx_port_stop(unsigned id)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_stop");

	if (!port)
		return -ENODEV;
	plx_port_stop_locked(port);
	plx_port_leave();
	return 0;
}

int plx_port_close(unsigned id)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_close");

	if (!port)
		return -ENODEV;
	plx_port_close_locked(port);
	plx_port_leave();
	return 0;
}
