/* SPDX-License-Identifier: BSD-3-Clause */
/* Cables, the link partner that is no card, pause frames (IEEE 802.3 annex 31B). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "sim_private.h"

enum {
	MIN_BYTES = 60,
	PAUSE_UNIT_NS = 512,  /* 512 bit times at 1 Gb/s */
	MARGIN_BYTES = 10240, /* of the packet buffer: one jumbo frame */
};

static const uint8_t pause_mac[6] = {0x01, 0x80, 0xc2, 0x00, 0x00, 0x01};
static const uint8_t pause_code[4] = {0x88, 0x08, 0x00, 0x01};

/* ---- Frames ---- */

void sim_fifo_init(struct sim_fifo *fifo)
{
	fifo->first = NULL;
	fifo->end = &fifo->first;
	fifo->nb = 0;
	fifo->bytes = 0;
}

void sim_fifo_put(struct sim_fifo *fifo, struct sim_frame *frame)
{
	frame->next = NULL;
	*fifo->end = frame;
	fifo->end = &frame->next;
	fifo->nb++;
	fifo->bytes += frame->len + SIM_FCS_BYTES;
}

struct sim_frame *sim_fifo_get(struct sim_fifo *fifo)
{
	struct sim_frame *frame = fifo->first;

	if (!frame)
		return NULL;
	fifo->first = frame->next;
	if (!fifo->first)
		fifo->end = &fifo->first;
	fifo->nb--;
	fifo->bytes -= frame->len + SIM_FCS_BYTES;
	return frame;
}

void sim_fifo_drop(struct sim_fifo *fifo)
{
	struct sim_frame *frame;

	while ((frame = sim_fifo_get(fifo)))
		free(frame);
}

struct sim_frame *sim_frame_new(const void *bytes, uint32_t len)
{
	struct sim_frame *frame = malloc(sizeof(*frame) + (len < MIN_BYTES ? MIN_BYTES : len));

	if (!frame)
		return NULL;
	frame->next = NULL;
	frame->len = len;
	frame->wire = 0;
	frame->is_looped = frame->is_waiting = false;
	memcpy(frame->bytes, bytes, len);
	return frame;
}

/* ---- Cables ---- */

static struct igb_sim *peer_of(const struct igb_sim *sim)
{
	return __atomic_load_n(&sim->peer, __ATOMIC_ACQUIRE);
}

int igb_sim_connect(struct igb_sim *a, struct igb_sim *b)
{
	if (a == b || peer_of(a) || peer_of(b))
		return -EINVAL;
	__atomic_store_n(&a->peer, b, __ATOMIC_RELEASE);
	__atomic_store_n(&b->peer, a, __ATOMIC_RELEASE);
	igb_sim_partner(a, 0);
	igb_sim_partner(b, 0);
	return 0;
}

void igb_sim_partner(struct igb_sim *sim, unsigned abilities)
{
	sim_enter(sim);
	if (!peer_of(sim))
		sim->partner = abilities;
	sim_phy_restart(sim);
	sim_kick(sim);
	sim_leave(sim);
}

/* Both ends see it. */
void igb_sim_plug(struct igb_sim *sim, bool in)
{
	struct igb_sim *peer = peer_of(sim);

	sim_enter(sim);
	sim->is_plugged = in;
	sim_phy_restart(sim);
	sim_kick(sim);
	sim_leave(sim);
	if (peer) {
		sim_enter(peer);
		sim_phy_tick(peer);
		sim_leave(peer);
	}
}

bool sim_wire_has_room(struct igb_sim *sim)
{
	struct igb_sim *peer = peer_of(sim), *to = peer ? peer : sim;
	bool has;

	pthread_mutex_lock(&to->wire_lock);
	has = peer ? to->wire.nb < SIM_CABLE_FRAMES : to->sent.nb < sim->conf.partner_frames;
	pthread_mutex_unlock(&to->wire_lock);
	return has;
}

void sim_wire_send(struct igb_sim *sim, const uint8_t *bytes, uint32_t len)
{
	struct igb_sim *peer = peer_of(sim), *to = peer ? peer : sim;
	struct sim_frame *frame = sim_frame_new(bytes, len);

	if (!frame)
		return;
	pthread_mutex_lock(&to->wire_lock);
	sim_fifo_put(peer ? &to->wire : &to->sent, frame);
	pthread_mutex_unlock(&to->wire_lock);
	if (peer)
		sim_kick(peer);
}

bool sim_wire_receive(struct igb_sim *sim)
{
	bool is_deaf = !sim->is_link_up || !(reg(sim, R_RCTL) & RCTL_EN);
	struct igb_sim *peer = peer_of(sim);
	struct sim_frame *frame;
	bool was_full;

	/* The emulation leaves frames to its backend until it listens. */
	if (sim->conf.qemu && is_deaf)
		return false;
	pthread_mutex_lock(&sim->wire_lock);
	was_full = sim->wire.nb >= SIM_CABLE_FRAMES;
	frame = sim_fifo_get(&sim->wire);
	pthread_mutex_unlock(&sim->wire_lock);
	if (!frame)
		return false;
	if (peer && was_full)
		sim_kick(peer);
	if (sim->is_link_up)
		sim_rx_arrive(sim, frame);
	else
		free(frame);
	return true;
}

/* ---- The link partner ---- */

int igb_sim_inject(struct igb_sim *sim, const void *bytes, size_t len_bytes, unsigned wire)
{
	struct sim_frame *frame;
	int ret = -ENETDOWN;

	if (len_bytes == 0 || len_bytes > IGB_SIM_FRAME_MAX)
		return -EINVAL;
	frame = sim_frame_new(bytes, (uint32_t)len_bytes);
	if (!frame)
		return -ENOMEM;
	frame->wire = wire;
	sim_enter(sim);
	if (!sim_is_gone(sim) && (sim->is_link_up || sim->conf.qemu)) {
		pthread_mutex_lock(&sim->wire_lock);
		ret = -ENOBUFS;
		if (sim->wire.nb < SIM_WIRE_FRAMES) {
			sim_fifo_put(&sim->wire, frame);
			frame = NULL;
			ret = 0;
		}
		pthread_mutex_unlock(&sim->wire_lock);
		sim_kick(sim);
	}
	free(frame);
	sim_leave(sim);
	return ret;
}

unsigned igb_sim_waiting(struct igb_sim *sim)
{
	unsigned nb;

	sim_enter(sim);
	pthread_mutex_lock(&sim->wire_lock);
	nb = sim->wire.nb;
	pthread_mutex_unlock(&sim->wire_lock);
	nb += sim->buffer.nb;
	sim_leave(sim);
	return nb;
}

bool igb_sim_has_room(struct igb_sim *sim)
{
	uint64_t bytes;
	bool has;

	sim_enter(sim);
	pthread_mutex_lock(&sim->wire_lock);
	bytes = sim->wire.bytes;
	has = sim->wire.nb < SIM_WIRE_FRAMES;
	pthread_mutex_unlock(&sim->wire_lock);
	has = has && !sim->is_partner_paused &&
	      bytes + sim->buffer.bytes + MARGIN_BYTES < sim_rx_buffer_bytes(sim);
	sim_leave(sim);
	return has;
}

int igb_sim_take(struct igb_sim *sim, void *bytes, size_t room)
{
	struct sim_frame *frame;
	int len = IGB_SIM_NONE;
	bool was_full;

	pthread_mutex_lock(&sim->wire_lock);
	was_full = sim->sent.nb >= sim->conf.partner_frames;
	frame = sim_fifo_get(&sim->sent);
	pthread_mutex_unlock(&sim->wire_lock);
	if (frame) {
		len = (int)frame->len;
		memcpy(bytes, frame->bytes, frame->len < room ? frame->len : room);
		free(frame);
	}
	if (was_full) {
		sim_kick(sim);
		sim_enter(sim);
		sim_leave(sim);
	}
	return len;
}

/* ---- Pause ---- */

static void pause_send(struct igb_sim *sim, uint32_t quanta)
{
	uint8_t frame[MIN_BYTES] = {0};
	uint32_t low = reg(sim, R_RAL), high = reg(sim, R_RAH);

	sim_count(sim, quanta ? S_XOFFTXC : S_XONTXC, 1);
	sim->is_partner_paused = quanta > 0;
	if (!peer_of(sim))
		return;
	memcpy(frame, pause_mac, sizeof(pause_mac));
	memcpy(frame + 6, &low, 4);
	memcpy(frame + 10, &high, 2);
	memcpy(frame + 12, pause_code, sizeof(pause_code));
	frame[16] = (uint8_t)(quanta >> 8);
	frame[17] = (uint8_t)quanta;
	sim_wire_send(sim, frame, sizeof(frame));
}

void sim_pause_check(struct igb_sim *sim)
{
	uint32_t high = reg(sim, R_FCRTH), low = reg(sim, R_FCRTL);
	uint32_t quanta = reg(sim, R_FCTTV) & 0xffff;

	if (!(reg(sim, R_CTRL) & CTRL_TFCE) || high == 0 || quanta == 0 || !sim->is_link_up)
		return;
	if (sim->buffer.bytes >= high && (!sim->is_xoff_sent || sim->now_ns >= sim->xoff_ns)) {
		sim->is_xoff_sent = true;
		sim->xoff_ns = sim->now_ns + (uint64_t)quanta * PAUSE_UNIT_NS / 2;
		pause_send(sim, quanta);
	} else if (sim->is_xoff_sent && sim->buffer.bytes <= (low & 0x1fff0)) {
		sim->is_xoff_sent = false;
		if (low & BIT(31))
			pause_send(sim, 0);
	}
}

bool sim_pause_frame(struct igb_sim *sim, const struct sim_frame *frame)
{
	const uint8_t *bytes = frame->bytes;
	uint32_t quanta;

	if (memcmp(bytes, pause_mac, sizeof(pause_mac)) != 0 ||
	    memcmp(bytes + 12, "\x88\x08", 2) != 0)
		return false;
	if (memcmp(bytes + 14, "\x00\x01", 2) != 0 || !(reg(sim, R_CTRL) & CTRL_RFCE)) {
		sim_count(sim, S_FCRUC, 1);
		return !(reg(sim, R_RCTL) & RCTL_PMCF);
	}
	quanta = (uint32_t)(bytes[16] << 8 | bytes[17]);
	sim_count(sim, quanta ? S_XOFFRXC : S_XONRXC, 1);
	sim->pause_ns = quanta ? sim->now_ns + (uint64_t)quanta * PAUSE_UNIT_NS : 0;
	return !(reg(sim, R_RCTL) & RCTL_PMCF) || reg(sim, R_RCTL) & RCTL_DPF;
}
