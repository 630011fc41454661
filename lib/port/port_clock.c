/* SPDX-License-Identifier: BSD-3-Clause */
/* The card's clock: what is asked for is checked here, and done by the driver. */
#include "port_private.h"

/* The port, with the lock held; NULL after a line, *@ret says why. */
static struct plx_port *enter(unsigned id, const char *call, int *ret)
{
	struct plx_port *port = plx_port_enter(id, call);
	struct plx_port_info info;

	*ret = -ENODEV;
	if (!port)
		return NULL;
	plx_port_fill_info(port, &info);
	if ((info.can & PLX_PORT_CAN_CLOCK) != 0)
		return port;
	plx_port_log(port, PLX_LOG_ERR, "%s: it has no clock", call);
	plx_port_leave();
	*ret = -ENOTSUP;
	return NULL;
}

int plx_port_clock_read(unsigned id, uint64_t *ns)
{
	int ret;
	struct plx_port *port = enter(id, "plx_port_clock_read", &ret);

	if (!port)
		return ret;
	if (ns) {
		ret = port->driver->ops->clock_read(port, ns);
	} else {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_clock_read: ns is NULL");
		ret = -EINVAL;
	}
	plx_port_leave();
	return ret;
}

int plx_port_clock_set(unsigned id, uint64_t ns)
{
	int ret;
	struct plx_port *port = enter(id, "plx_port_clock_set", &ret);

	if (!port)
		return ret;
	ret = port->driver->ops->clock_set(port, ns);
	plx_port_leave();
	return ret;
}

int plx_port_clock_step(unsigned id, int64_t ns)
{
	int ret;
	struct plx_port *port = enter(id, "plx_port_clock_step", &ret);

	if (!port)
		return ret;
	ret = port->driver->ops->clock_step(port, ns);
	plx_port_leave();
	return ret;
}

int plx_port_clock_rate(unsigned id, int32_t ppb)
{
	int ret;
	struct plx_port *port = enter(id, "plx_port_clock_rate", &ret);

	if (!port)
		return ret;
	if (ppb >= -PLX_PORT_CLOCK_PPB_MAX && ppb <= PLX_PORT_CLOCK_PPB_MAX) {
		ret = port->driver->ops->clock_rate(port, ppb);
	} else {
		plx_port_log(port, PLX_LOG_ERR, "plx_port_clock_rate: %d ppb: want -%d to %d", ppb,
			     PLX_PORT_CLOCK_PPB_MAX, PLX_PORT_CLOCK_PPB_MAX);
		ret = -ERANGE;
	}
	plx_port_leave();
	return ret;
}
