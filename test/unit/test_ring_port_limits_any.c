/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ring_port_limits.c once more, on the data path that every CPU can run. */
#include "soft_ports.h"

#define soft_attach(device) soft_attach(device ",avx2=0")
#include "test_ring_port_limits.c" /* NOLINT(bugprone-suspicious-include): compiled again */
