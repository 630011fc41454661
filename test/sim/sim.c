/* SPDX-License-Identifier: BSD-3-Clause */
/* A card's life and clock, the hook that stands for BAR 0, who does the card's work and when. */
#include <errno.h>
#include <pollux/mmio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

#include "sim_private.h"

static struct {
	pthread_mutex_t lock;
	struct igb_sim *cards[SIM_CARDS_MAX]; /* atomic */
} all = {.lock = PTHREAD_MUTEX_INITIALIZER};

static bool hook_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value);
static bool hook_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value);
static const struct plx_mmio_hook hook = {hook_read, hook_write, NULL};

/* ---- The clock ---- */

static uint64_t host_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void clock_update(struct igb_sim *sim)
{
	sim->now_ns = sim->advanced_ns;
	if (sim->conf.clock == IGB_SIM_CLOCK_REAL)
		sim->now_ns += host_ns() - sim->start_ns;
}

void sim_tick(struct igb_sim *sim)
{
	if (sim_is_gone(sim))
		return;
	sim_ctrl_tick(sim);
	sim_phy_tick(sim);
	sim_ring_tick(sim);
	sim_intr_tick(sim);
}

uint64_t sim_next_ns(const struct igb_sim *sim)
{
	uint64_t ring = sim_ring_next_ns(sim), intr = sim_intr_next_ns(sim);
	uint64_t next = ring < intr ? ring : intr;

	if (sim->link_ns < next)
		next = sim->link_ns;
	if (sim->reset_done_ns < next)
		next = sim->reset_done_ns;
	if (sim->pause_ns > sim->now_ns && sim->pause_ns < next)
		next = sim->pause_ns;
	return next;
}

void sim_enter(struct igb_sim *sim)
{
	pthread_mutex_lock(&sim->lock);
	clock_update(sim);
	sim_tick(sim);
}

/* ---- The work ---- */

void sim_kick(struct igb_sim *sim)
{
	pthread_mutex_lock(&sim->wire_lock);
	sim->is_kicked = true;
	pthread_cond_signal(&sim->wake);
	pthread_mutex_unlock(&sim->wire_lock);
}

/* One frame each way at most. */
static bool work(struct igb_sim *sim)
{
	bool is_done = false;

	sim_enter(sim);
	if (!sim_is_gone(sim)) {
		is_done = sim_wire_receive(sim);
		is_done |= sim_rx_one(sim);
		is_done |= sim_tx_one(sim);
		sim_pause_check(sim);
	}
	pthread_mutex_unlock(&sim->lock);
	return is_done;
}

static bool take_kick(struct igb_sim *sim)
{
	bool is_kicked;

	pthread_mutex_lock(&sim->wire_lock);
	is_kicked = sim->is_kicked;
	sim->is_kicked = false;
	pthread_mutex_unlock(&sim->wire_lock);
	return is_kicked;
}

static bool is_sync(const struct igb_sim *sim)
{
	return sim->conf.run == IGB_SIM_SYNC || sim->conf.run == IGB_SIM_TICKED;
}

static void run(struct igb_sim *sim)
{
	struct igb_sim *peer = __atomic_load_n(&sim->peer, __ATOMIC_ACQUIRE);
	bool more;

	if (peer && !is_sync(peer))
		peer = NULL;
	do {
		more = work(sim);
		if (peer)
			more |= work(peer);
	} while (more);
}

void sim_leave(struct igb_sim *sim)
{
	pthread_mutex_unlock(&sim->lock);
	if (is_sync(sim) && take_kick(sim))
		run(sim);
}

unsigned igb_sim_step(struct igb_sim *sim, unsigned nb)
{
	unsigned done = 0;

	while (done < nb && work(sim))
		done++;
	return done;
}

/* How long the thread may sleep: until the next timer, 5 ms at most. */
static void sleep_until_kicked(struct igb_sim *sim)
{
	uint64_t ns = 5 * SIM_MS, next;
	struct timespec end;

	sim_enter(sim);
	next = sim_next_ns(sim);
	if (next < sim->now_ns + ns)
		ns = next > sim->now_ns ? next - sim->now_ns : 1;
	pthread_mutex_unlock(&sim->lock);
	ns += host_ns();
	end = (struct timespec){.tv_sec = (time_t)(ns / 1000000000),
				.tv_nsec = (long)(ns % 1000000000)};
	pthread_mutex_lock(&sim->wire_lock);
	sim->is_busy = false;
	while (!sim->is_kicked && !sim->is_ending)
		if (pthread_cond_timedwait(&sim->wake, &sim->wire_lock, &end) == ETIMEDOUT)
			break;
	sim->is_kicked = false;
	sim->is_busy = true;
	pthread_mutex_unlock(&sim->wire_lock);
}

static void *thread_main(void *arg)
{
	struct igb_sim *sim = arg;
	bool is_ending;

	do {
		while (work(sim))
			;
		sleep_until_kicked(sim);
		pthread_mutex_lock(&sim->wire_lock);
		is_ending = sim->is_ending;
		pthread_mutex_unlock(&sim->wire_lock);
	} while (!is_ending);
	return NULL;
}

static void *ticker_main(void *arg)
{
	const struct timespec pause = {.tv_nsec = SIM_MS};
	struct igb_sim *sim = arg;
	bool is_ending;

	do {
		nanosleep(&pause, NULL);
		sim_enter(sim);
		sim_leave(sim);
		pthread_mutex_lock(&sim->wire_lock);
		is_ending = sim->is_ending;
		pthread_mutex_unlock(&sim->wire_lock);
	} while (!is_ending);
	return NULL;
}

bool igb_sim_settle(struct igb_sim *sim, unsigned ms)
{
	uint64_t end = host_ns() + ms * SIM_MS;
	bool is_idle;

	do {
		struct timespec pause = {.tv_nsec = 100000};

		pthread_mutex_lock(&sim->wire_lock);
		is_idle = !sim->is_busy && !sim->is_kicked && sim->wire.nb == 0;
		pthread_mutex_unlock(&sim->wire_lock);
		if (is_idle || !sim->has_thread)
			return is_idle;
		nanosleep(&pause, NULL);
	} while (host_ns() < end);
	return false;
}

void igb_sim_advance(struct igb_sim *sim, uint64_t ns)
{
	pthread_mutex_lock(&sim->lock);
	sim->advanced_ns += ns;
	pthread_mutex_unlock(&sim->lock);
	sim_kick(sim);
	sim_enter(sim);
	sim_leave(sim);
}

uint64_t igb_sim_now_ns(struct igb_sim *sim)
{
	uint64_t now;

	sim_enter(sim);
	now = sim->now_ns;
	sim_leave(sim);
	return now;
}

/* ---- The hook ---- */

static struct igb_sim *owner(const volatile void *addr)
{
	for (unsigned i = 0; i < SIM_CARDS_MAX; i++) {
		struct igb_sim *sim = __atomic_load_n(&all.cards[i], __ATOMIC_ACQUIRE);

		if (sim && (const volatile uint8_t *)addr >= sim->bar &&
		    (const volatile uint8_t *)addr < sim->bar + IGB_SIM_BAR_BYTES)
			return sim;
	}
	return NULL;
}

/* Memory space is off, or the card sleeps: it does not decode. */
static bool is_deaf(const struct igb_sim *sim)
{
	return !(sim->config[4] & 2) || (sim->config[0x44] & 3);
}

bool sim_is_gone(const struct igb_sim *sim)
{
	return fault(sim, IGB_SIM_F_GONE_ONES) || fault(sim, IGB_SIM_F_GONE_ZEROS);
}

static uint32_t bar_read(struct igb_sim *sim, uint32_t offset)
{
	uint32_t value;

	if (fault(sim, IGB_SIM_F_GONE_ZEROS) || (sim->conf.qemu && is_deaf(sim)))
		return 0;
	if (fault(sim, IGB_SIM_F_GONE_ONES) || is_deaf(sim))
		return UINT32_MAX;
	if (sim->now_ns < sim->touch_ns) {
		sim_violation(sim, IGB_SIM_V_RESET, "read of %05x right after a reset", offset);
		sim->touch_ns = 0;
	}
	value = sim_map_read(sim, offset);
	if (sim->conf.clock == IGB_SIM_CLOCK_MANUAL)
		sim->advanced_ns += SIM_READ_NS;
	return value;
}

static void bar_write(struct igb_sim *sim, uint32_t offset, uint32_t value)
{
	if (sim_is_gone(sim) || is_deaf(sim))
		return;
	if (sim->now_ns < sim->touch_ns) {
		sim_violation(sim, IGB_SIM_V_RESET, "write of %05x right after a reset", offset);
		sim->touch_ns = 0;
	}
	sim_map_write(sim, offset, value);
}

static bool is_register(struct igb_sim *sim, uint32_t offset, unsigned bytes)
{
	if (bytes == 4 && offset % 4 == 0)
		return true;
	sim_violation(sim, IGB_SIM_V_RESERVED, "access of %u bytes at %05x", bytes, offset);
	return false;
}

static bool hook_read(void *arg, const volatile void *addr, unsigned bytes, uint64_t *value)
{
	struct igb_sim *sim = owner(addr);
	uint32_t offset;

	(void)arg;
	if (!sim)
		return false;
	offset = (uint32_t)((const volatile uint8_t *)addr - sim->bar);
	sim_enter(sim);
	*value = is_register(sim, offset, bytes) ? bar_read(sim, offset) : UINT64_MAX;
	sim_leave(sim);
	return true;
}

static bool hook_write(void *arg, volatile void *addr, unsigned bytes, uint64_t value)
{
	struct igb_sim *sim = owner(addr);
	uint32_t offset;

	(void)arg;
	if (!sim)
		return false;
	offset = (uint32_t)((volatile uint8_t *)addr - sim->bar);
	sim_enter(sim);
	if (is_register(sim, offset, bytes))
		bar_write(sim, offset, (uint32_t)value);
	sim_leave(sim);
	return true;
}

uint32_t igb_sim_peek(struct igb_sim *sim, uint32_t offset)
{
	uint32_t value;

	sim_enter(sim);
	value = reg(sim, sim_map_canonical(sim, offset) % IGB_SIM_BAR_BYTES);
	sim_leave(sim);
	return value;
}

void *igb_sim_bar(struct igb_sim *sim)
{
	return sim->bar;
}

/* ---- Life ---- */

static int enlist(struct igb_sim *sim)
{
	int ret = -ENOSPC;

	pthread_mutex_lock(&all.lock);
	for (unsigned i = 0; i < SIM_CARDS_MAX && ret; i++) {
		if (all.cards[i])
			continue;
		__atomic_store_n(&all.cards[i], sim, __ATOMIC_RELEASE);
		plx_mmio_hook = &hook;
		ret = 0;
	}
	pthread_mutex_unlock(&all.lock);
	return ret;
}

static void delist(struct igb_sim *sim)
{
	bool is_last = true;

	pthread_mutex_lock(&all.lock);
	for (unsigned i = 0; i < SIM_CARDS_MAX; i++) {
		if (all.cards[i] == sim)
			__atomic_store_n(&all.cards[i], NULL, __ATOMIC_RELEASE);
		is_last &= !all.cards[i];
	}
	if (is_last)
		plx_mmio_hook = NULL;
	pthread_mutex_unlock(&all.lock);
}

static bool is_conf_valid(const struct igb_sim_conf *conf)
{
	static const unsigned nb_ports[IGB_SIM_NB_TYPES] = {2, 4, 4, 4, 1, 1};

	return conf->type < IGB_SIM_NB_TYPES && conf->port < nb_ports[conf->type] &&
	       conf->run <= IGB_SIM_THREAD && conf->clock <= IGB_SIM_CLOCK_MANUAL &&
	       (!conf->flashless || conf->type >= IGB_SIM_I210);
}

static int locks_init(struct igb_sim *sim)
{
	pthread_condattr_t attr;

	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&sim->wake, &attr);
	pthread_condattr_destroy(&attr);
	pthread_mutex_init(&sim->lock, NULL);
	pthread_mutex_init(&sim->wire_lock, NULL);
	return 0;
}

static void config_init(struct igb_sim *sim)
{
	uint8_t *config = sim->config;
	uint16_t id = sim->conf.device_id ? sim->conf.device_id : sim->part->device_id;
	static const uint8_t caps[][4] = {
		{0x40, 0x01, 0x50, 0x23}, /* power management, no soft reset */
		{0x50, 0x05, 0x70, 0x80}, /* MSI */
		{0x70, 0x11, 0xa0, 0},	  /* MSI-X */
		{0xa0, 0x10, 0, 0x02},	  /* PCI Express */
	};

	memset(config, 0, IGB_SIM_CONFIG_BYTES);
	config[0] = 0x86;
	config[1] = 0x80;
	memcpy(config + 2, &id, 2);
	config[4] = 2; /* memory space; bus mastering is the driver's to turn on */
	config[6] = 0x10;
	config[8] = 1;
	config[0xb] = 2; /* Ethernet */
	config[0x2c] = 0x86;
	config[0x2d] = 0x80;
	config[0x34] = 0x40;
	config[0x3d] = 1;
	for (unsigned i = 0; i < sizeof(caps) / sizeof(caps[0]); i++)
		memcpy(config + caps[i][0], caps[i] + 1, 3);
	config[0x72] = (uint8_t)(sim->part->nb_vectors - 1);
	config[0x74] = 3; /* table in BAR 3 */
	config[0x78] = 3;
	config[0x79] = 0x20;
	config[0xa7] = 0x10; /* FLR */
}

static void defaults(struct igb_sim_conf *conf)
{
	static const uint8_t none[6];

	if (memcmp(conf->mac, none, 6) == 0) {
		memcpy(conf->mac, "\x02\xa0\xc9\x00\x00", 5);
		conf->mac[5] = (uint8_t)conf->port;
	}
	if (conf->link_delay_us == 0)
		conf->link_delay_us = 500000;
	if (conf->partner_frames == 0)
		conf->partner_frames = 4096;
}

static void power_on(struct igb_sim *sim)
{
	config_init(sim);
	sim_nvm_init(sim);
	sim_map_build(sim);
	sim->partner = IGB_SIM_10H | IGB_SIM_10F | IGB_SIM_100H | IGB_SIM_100F | IGB_SIM_1000F |
		       IGB_SIM_PAUSE | IGB_SIM_ASYM_PAUSE;
	sim->is_plugged = true;
	clock_update(sim);
	sim_phy_init(sim);
	sim_reset(sim);
	sim->touch_ns = 0;
	sim->reset_done_ns = SIM_NEVER;
	reg_bits(sim, R_STATUS, STATUS_DEV_RST_SET, 0);
}

int igb_sim_create(const struct igb_sim_conf *conf, struct igb_sim **out)
{
	struct igb_sim *sim;
	int ret = -ENOMEM;

	if (!is_conf_valid(conf))
		return -EINVAL;
	sim = calloc(1, sizeof(*sim));
	if (!sim)
		return -ENOMEM;
	sim->conf = *conf;
	defaults(&sim->conf);
	sim->part = &sim_parts[conf->type];
	sim->tx_bytes = malloc(SIM_TX_BYTES_MAX);
	if (!sim->tx_bytes)
		goto free_sim;
	sim->bar = mmap(NULL, IGB_SIM_BAR_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (sim->bar == MAP_FAILED) {
		ret = -errno;
		goto free_bytes;
	}
	locks_init(sim);
	sim_fifo_init(&sim->buffer);
	sim_fifo_init(&sim->wire);
	sim_fifo_init(&sim->sent);
	sim->start_ns = host_ns();
	power_on(sim);
	ret = enlist(sim);
	if (ret)
		goto unmap;
	if (conf->run == IGB_SIM_THREAD || conf->run == IGB_SIM_TICKED) {
		sim->is_busy = conf->run == IGB_SIM_THREAD;
		ret = -pthread_create(&sim->thread, NULL,
				      conf->run == IGB_SIM_THREAD ? thread_main : ticker_main, sim);
		if (ret)
			goto delist_sim;
		sim->has_thread = true;
	}
	*out = sim;
	return 0;

delist_sim:
	delist(sim);
unmap:
	munmap(sim->bar, IGB_SIM_BAR_BYTES);
free_bytes:
	free(sim->tx_bytes);
free_sim:
	free(sim);
	return ret;
}

void igb_sim_destroy(struct igb_sim *sim)
{
	struct igb_sim *peer;

	if (!sim)
		return;
	if (sim->has_thread) {
		pthread_mutex_lock(&sim->wire_lock);
		sim->is_ending = true;
		pthread_cond_signal(&sim->wake);
		pthread_mutex_unlock(&sim->wire_lock);
		pthread_join(sim->thread, NULL);
	}
	delist(sim);
	peer = sim->peer;
	if (peer) {
		/* The other's lock: its thread may be sending to this one. */
		pthread_mutex_lock(&peer->lock);
		__atomic_store_n(&peer->peer, NULL, __ATOMIC_RELEASE);
		peer->is_plugged = false;
		pthread_mutex_unlock(&peer->lock);
	}
	sim_fifo_drop(&sim->buffer);
	sim_fifo_drop(&sim->wire);
	sim_fifo_drop(&sim->sent);
	pthread_cond_destroy(&sim->wake);
	pthread_mutex_destroy(&sim->lock);
	pthread_mutex_destroy(&sim->wire_lock);
	munmap(sim->bar, IGB_SIM_BAR_BYTES);
	free(sim->tx_bytes);
	free(sim);
}
