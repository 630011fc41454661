/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card of the model as a device of the bus library: a driver that takes a plx_pci_dev does not
 * see the difference. All memory of the EAL is open to the card, and what plx_dma_map() gives it;
 * vectors that plx_intr_enable() enables are eventfds that the card signals.
 */
#ifndef IGB_SIM_BUS_H
#define IGB_SIM_BUS_H

#include <pollux/intr.h>
#include <pollux/pci.h>

#include "sim.h"

/**
 * Open the card as "0000:<bus>:00.<port>". Bus mastering is off, memory space on.
 *
 * @name  e.g. "0000:5a:00.0"
 * Returns 0 with *@dev set; then plx_pci_close() closes it (a port does that), and the card must
 *         live until then. Errors of plx_mem_watch_add() and of the bus.
 * Thread  as plx_pci_open(); the EAL runs.
 */
int igb_sim_open(struct igb_sim *sim, const char *name, struct plx_pci_dev **dev);

/** Pull the card out: gone, and the bus is told. */
void igb_sim_remove(struct igb_sim *sim);

/** Have the bus tell an event. */
void igb_sim_event(struct igb_sim *sim, enum plx_pci_event event);

#endif
