/* SPDX-License-Identifier: BSD-3-Clause */
/* Interrupts of receive queues: whether they may be asked for is checked here. */
#include "port_private.h"

/* Returns 0, or -errno after a line. Lock held. */
static int check(struct plx_port *port, unsigned queue, const char *call)
{
	if (!port->conf.rx_intr) {
		plx_port_log(port, PLX_LOG_ERR, "%s: it was configured without rx_intr", call);
		return -ENOTSUP;
	}
	if (queue >= port->conf.nb_rx_queues) {
		plx_port_log(port, PLX_LOG_ERR, "%s: queue %u: configured are %u", call, queue,
			     port->conf.nb_rx_queues);
		return -EINVAL;
	}
	if (port->state != PLX_PORT_STARTED) {
		plx_port_log(port, PLX_LOG_ERR, "%s: it is not started", call);
		return -EBUSY;
	}
	return 0;
}

int plx_port_rxq_intr_fd(unsigned id, unsigned queue)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_rxq_intr_fd");
	int ret;

	if (!port)
		return -ENODEV;
	ret = check(port, queue, "plx_port_rxq_intr_fd");
	if (ret == 0)
		ret = port->driver->ops->rxq_intr_fd(port, queue);
	plx_port_leave();
	return ret;
}

int plx_port_rxq_intr_arm(unsigned id, unsigned queue, bool on)
{
	struct plx_port *port = plx_port_enter(id, "plx_port_rxq_intr_arm");
	int ret;

	if (!port)
		return -ENODEV;
	ret = check(port, queue, "plx_port_rxq_intr_arm");
	if (ret == 0)
		ret = port->driver->ops->rxq_intr_arm(port, queue, on);
	plx_port_leave();
	return ret;
}
