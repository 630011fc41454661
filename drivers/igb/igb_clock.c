/* SPDX-License-Identifier: BSD-3-Clause */
/* The port's clock: the card's, from the host's CLOCK_REALTIME on. Under the port's lock. */
#include <time.h>

#include "igb_private.h"

int plx_igb_clock_run(struct igb_port *igb)
{
	struct timespec now;

	if (igb->hw.ptp.running)
		return 0;
	clock_gettime(CLOCK_REALTIME, &now);
	return plx_igb_clock_start(&igb->hw,
				   (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec);
}

/* Returns 0 with the lock held and the clock running; or -errno with neither. */
static int enter(struct igb_port *igb)
{
	int ret;

	pthread_mutex_lock(&igb->lock);
	ret = igb->gone ? -ENODEV : plx_igb_clock_run(igb);
	if (ret)
		pthread_mutex_unlock(&igb->lock);
	return ret;
}

static int leave(struct igb_port *igb, int ret)
{
	pthread_mutex_unlock(&igb->lock);
	return ret;
}

int plx_igb_port_clock_read(struct plx_port *port, uint64_t *ns)
{
	struct igb_port *igb = port->priv;
	int ret = enter(igb);

	return ret ? ret : leave(igb, plx_igb_clock_read(&igb->hw, ns));
}

int plx_igb_port_clock_set(struct plx_port *port, uint64_t ns)
{
	struct igb_port *igb = port->priv;
	int ret = enter(igb);

	return ret ? ret : leave(igb, plx_igb_clock_set(&igb->hw, ns));
}

int plx_igb_port_clock_step(struct plx_port *port, int64_t ns)
{
	struct igb_port *igb = port->priv;
	int ret = enter(igb);

	return ret ? ret : leave(igb, plx_igb_clock_step(&igb->hw, ns));
}

int plx_igb_port_clock_rate(struct plx_port *port, int32_t ppb)
{
	struct igb_port *igb = port->priv;
	int ret = enter(igb);

	return ret ? ret : leave(igb, plx_igb_clock_rate(&igb->hw, ppb));
}
