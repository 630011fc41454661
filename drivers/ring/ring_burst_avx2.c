/* SPDX-License-Identifier: BSD-3-Clause */
/* The data path once more, compiled for CPUs with AVX2: the same packets by fewer instructions. */
#define RING_PATH plx_net_ring_path_avx2
#include "ring_burst.c" /* NOLINT(bugprone-suspicious-include): compiled again */
