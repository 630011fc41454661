/* SPDX-License-Identifier: BSD-3-Clause */
/* drivers.c's list. */
#ifndef POLLUX_DRIVERS_H
#define POLLUX_DRIVERS_H

#include <pollux/port_driver.h>

/* Ends with NULL. */
extern const struct plx_port_driver *const plx_drivers[];

#endif
