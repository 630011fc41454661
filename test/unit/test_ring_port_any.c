/* SPDX-License-Identifier: BSD-3-Clause */
/* test_ring_port.c once more, on the data path that every CPU can run. */
#include "soft_ports.h"

#define soft_attach(device) soft_attach(device ",avx2=0")
#define soft_up(device) soft_up(device ",avx2=0")
#include "test_ring_port.c" /* NOLINT(bugprone-suspicious-include): compiled again */
