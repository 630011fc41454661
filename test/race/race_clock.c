/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Time does not go backwards between threads while its rate changes: each reader compares what it
 * reads with the latest that any thread had read before. The rate is changed far more, and far more
 * often, than refining does.
 */
#include "../../lib/eal/clock_private.h"
#include "eal_start.h"

#include <pollux/ctl.h>
#include <pthread.h>
#include <unistd.h>

enum { NB_READERS = 3 };

static int working = 1;
static uint64_t latest_ns;

static void *read_time(void *arg)
{
	uint64_t before, now, reads = 0;

	while (plx_load_acquire(&working)) {
		before = plx_load_acquire(&latest_ns);
		now = plx_clock_now_ns();
		CHECK(now >= before, "%ju ns after %ju ns", (uintmax_t)now, (uintmax_t)before);
		while (now > before && !plx_cas_acq_rel(&latest_ns, &before, now))
			;
		reads++;
	}
	*(uint64_t *)arg = reads;
	return NULL;
}

int main(int argc, char **argv)
{
	uint64_t mult, reads[NB_READERS], all = 0, start, i;
	unsigned nb_rounds = rounds(argc, argv, 100000);
	pthread_t threads[NB_READERS];

	start_lcores(1);
	plx_ctl_timer_del(plx_clock_timer); /* one thread changes the rate at a time: this one */
	start = plx_clock_now_ns();
	mult = plx_clock_ns_mult;
	for (i = 0; i < NB_READERS; i++)
		pthread_create(&threads[i], NULL, read_time, &reads[i]);
	for (i = 0; i < nb_rounds; i++) {
		plx_clock_bend(mult / 100 * (50 + i * 37 % 101)); /* half to one and a half */
		if (i % 1000 == 0)
			usleep(100);
	}
	plx_store_release(&working, 0);
	for (i = 0; i < NB_READERS; i++) {
		pthread_join(threads[i], NULL);
		all += reads[i];
	}
	CHECK(latest_ns > start, "time stood still");
	printf("%ju reads over %u changes of the rate\n", (uintmax_t)all, nb_rounds);
	plx_eal_fini();
	return 0;
}
