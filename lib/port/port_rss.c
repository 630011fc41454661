/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Receive-side scaling: what is asked for is checked and completed here, and done by the driver.
 */
#include "port_private.h"

static int refuse(const struct plx_port *port, int error, const char *what, uint32_t value,
		  uint32_t allowed)
{
	plx_port_log(port, PLX_LOG_ERR, "RSS: %s 0x%x: this port has 0x%x", what, value, allowed);
	return error;
}

/* A table that was not given: all queues in turns. */
static int resolve_reta(const struct plx_port *port, const struct plx_port_info *info,
			unsigned nb_queues, struct plx_port_rss *rss)
{
	if (rss->reta_size == 0) {
		rss->reta_size = info->reta_size;
		for (unsigned i = 0; i < rss->reta_size; i++)
			rss->reta[i] = (uint8_t)(i % nb_queues);
		return 0;
	}
	if (rss->reta_size != info->reta_size)
		return refuse(port, -EINVAL, "table entries", rss->reta_size, info->reta_size);
	for (unsigned i = 0; i < rss->reta_size; i++) {
		if (rss->reta[i] < nb_queues)
			continue;
		plx_port_log(port, PLX_LOG_ERR, "RSS: table entry %u: queue %u; configured are %u",
			     i, rss->reta[i], nb_queues);
		return -EINVAL;
	}
	return 0;
}

int plx_port_rss_resolve(const struct plx_port *port, const struct plx_port_info *info,
			 unsigned nb_queues, struct plx_port_rss *rss)
{
	if (rss->types == 0) {
		*rss = (struct plx_port_rss){0};
		return 0;
	}
	if (!(info->can & PLX_PORT_CAN_RSS)) {
		plx_port_log(port, PLX_LOG_ERR, "RSS: this port does not have it");
		return -ENOTSUP;
	}
	if (rss->types & ~info->rss_types)
		return refuse(port, -ENOTSUP, "header types", rss->types, info->rss_types);
	if (nb_queues == 0) {
		plx_port_log(port, PLX_LOG_ERR, "RSS: there is no receive queue");
		return -EINVAL;
	}
	if (rss->key_bytes != 0 && rss->key_bytes != info->rss_key_bytes)
		return refuse(port, -EINVAL, "key bytes", rss->key_bytes, info->rss_key_bytes);
	return resolve_reta(port, info, nb_queues, rss);
}

/* Lock held. */
static int check_rss(struct plx_port *port, const void *rss, struct plx_port_info *info,
		     const char *call)
{
	if (!rss) {
		plx_port_log(port, PLX_LOG_ERR, "%s: rss is NULL", call);
		return -EINVAL;
	}
	plx_port_fill_info(port, info);
	if (!(info->can & PLX_PORT_CAN_RSS)) {
		plx_port_log(port, PLX_LOG_ERR, "%s: this port does not have RSS", call);
		return -ENOTSUP;
	}
	if (port->state == PLX_PORT_ATTACHED) {
		plx_port_log(port, PLX_LOG_ERR, "%s: it is not configured", call);
		return -EBUSY;
	}
	return 0;
}

int plx_port_rss(unsigned id, struct plx_port_rss *rss)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_rss");
	struct plx_port_info info;
	int ret;

	if (!port)
		return -ENODEV;
	ret = check_rss(port, rss, &info, "plx_port_rss");
	if (ret == 0) {
		*rss = (struct plx_port_rss){0};
		ret = port->driver->ops->rss(port, rss);
	}
	plx_port_leave();
	return ret;
}

int plx_port_rss_set(unsigned id, const struct plx_port_rss *want)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_rss_set");
	struct plx_port_info info;
	struct plx_port_rss rss;
	int ret;

	if (!port)
		return -ENODEV;
	ret = check_rss(port, want, &info, "plx_port_rss_set");
	if (ret)
		goto leave;
	rss = *want;
	ret = plx_port_rss_resolve(port, &info, port->conf.nb_rx_queues, &rss);
	if (ret)
		goto leave;
	ret = port->driver->ops->rss_set(port, &rss);
	if (ret == 0)
		port->conf.rss = rss;

leave:
	plx_port_leave();
	return ret;
}
