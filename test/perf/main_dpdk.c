/* SPDX-License-Identifier: BSD-3-Clause */
/* plx-perf --peer dpdk. */
#include "perf.h"

int main(int argc, char **argv)
{
	return perf_main(argc, argv, &perf_peer);
}
