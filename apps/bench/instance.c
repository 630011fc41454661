/* SPDX-License-Identifier: BSD-3-Clause */
#include "instance.h"

#include <string.h>

#define SEQ_MASK ((UINT64_C(1) << 48) - 1)

void instance_release(struct instance *instance)
{
	plx_mbuf_free_bulk(instance->held, instance->nb_held);
	instance->nb_held = 0;
}

void instance_reset(struct instance *instance)
{
	instance_release(instance);
	plx_store_relaxed(&instance->phase, PHASE_STOP);
	instance->seen_phase = PHASE_STOP;
	instance->first_seq = instance->seq;
	instance->turn = 0;
	instance->interval_ns = instance->load.pps > 0 ? 1e9 / instance->load.pps : 0;
	instance->corrupt = instance->foreign = instance->late = 0;
	instance->latency_from_ns = 0;
	instance->counts = (struct instance_counts){0};
	instance->at_start = instance->at_end = instance->counts;
	tracker_reset(&instance->tracker);
	hist_reset(&instance->latency);
}

void instance_expect(struct instance *instance, const struct instance *other)
{
	instance->expect_first = other->first_seq;
}

/* A crossing into the driver that costs more than ours: what a mode switch would. */
static void cross(const struct instance *instance)
{
	uint64_t start;

	if (plx_likely(instance->load.delay_cycles == 0))
		return;
	start = plx_cycles_ordered();
	while (plx_cycles_ordered() - start < instance->load.delay_cycles)
		;
}

/* ---- Receive ---- */

/* A frame of several pieces is read from a copy. */
static PLX_NOINLINE enum packet_kind read_pieces(const struct plx_mbuf *m, struct packet_mark *mark)
{
	uint8_t copy[PACKET_MAX];

	if (m->pkt_len > sizeof(copy))
		return PACKET_FOREIGN;
	return packet_read(plx_mbuf_read(m, 0, m->pkt_len, copy), m->pkt_len, mark);
}

static void take(struct instance *instance, const struct plx_mbuf *m, uint64_t now_ns)
{
	struct packet_mark mark;
	enum packet_kind kind;
	uint64_t seq;

	if (plx_likely(m->nb_segs == 1))
		kind = packet_read(plx_mbuf_data(m), m->data_len, &mark);
	else
		kind = read_pieces(m, &mark);
	if (plx_unlikely(kind != PACKET_OURS || mark.stream != instance->from)) {
		if (kind == PACKET_CORRUPT)
			instance->corrupt++;
		else
			instance->foreign++;
		return;
	}
	seq = (mark.seq - instance->expect_first) & SEQ_MASK;
	if (plx_unlikely(seq > SEQ_MASK / 2))
		instance->late++;
	else if (tracker_note(&instance->tracker, seq) &&
		 mark.intended_ns >= instance->latency_from_ns)
		hist_record(&instance->latency,
			    now_ns > mark.intended_ns ? now_ns - mark.intended_ns : 0);
}

static uint32_t receive(struct instance *instance)
{
	struct plx_mbuf *pkts[INSTANCE_BURST_MAX];
	struct instance_counts *counts = &instance->counts;
	uint64_t bytes = 0, now_ns;
	uint32_t nb;

	cross(instance);
	nb = plx_port_rx_burst(instance->port, 0, pkts, instance->load.burst);
	if (nb == 0)
		return 0;
	now_ns = plx_clock_now_ns();
	for (uint32_t i = 0; i < nb; i++) {
		take(instance, pkts[i], now_ns);
		bytes += pkts[i]->pkt_len;
	}
	plx_mbuf_free_bulk(pkts, nb);
	plx_store_relaxed(&counts->received, counts->received + nb);
	plx_store_relaxed(&counts->distinct, instance->tracker.received);
	plx_store_relaxed(&counts->received_bytes, counts->received_bytes + bytes);
	return nb;
}

/* ---- Send ---- */

static uint64_t due_ns(const struct instance *instance, uint64_t seq, uint64_t now_ns)
{
	if (instance->interval_ns == 0)
		return now_ns;
	return instance->start_ns +
	       (uint64_t)((double)(seq - instance->first_seq) * instance->interval_ns);
}

/* Packets seq .. seq + nb - 1, behind those that are held. */
static void make(struct instance *instance, uint32_t nb, uint64_t now_ns)
{
	struct plx_mbuf **pkts = &instance->held[instance->nb_held];
	uint32_t got = plx_mbuf_alloc_bulk(instance->pool, pkts, nb);

	for (uint32_t i = 0; i < got; i++) {
		const struct packet_form *form = instance->load.forms[instance->turn];
		uint8_t *data = plx_mbuf_data(pkts[i]);

		if (++instance->turn == instance->load.nb_sizes)
			instance->turn = 0;
		packet_write(data, form, instance->seq, due_ns(instance, instance->seq, now_ns));
		pkts[i]->data_len = (uint16_t)form->bytes;
		pkts[i]->pkt_len = form->bytes;
		instance->seq++;
	}
	instance->nb_held += got;
}

/* How many more are due at this moment, up to a burst in all. */
static uint32_t nb_due(const struct instance *instance, uint64_t now_ns)
{
	uint32_t room = instance->load.burst - instance->nb_held;
	double due;

	if (instance->interval_ns == 0)
		return room;
	due = (double)(now_ns - instance->start_ns) / instance->interval_ns + 1 -
	      (double)(instance->seq - instance->first_seq);
	if (due < 1)
		return 0;
	return due < room ? (uint32_t)due : room;
}

static uint64_t held_bytes(const struct instance *instance)
{
	uint64_t bytes = 0;

	if (plx_likely(instance->load.nb_sizes == 1))
		return (uint64_t)instance->nb_held * instance->load.forms[0]->bytes;
	for (uint32_t i = 0; i < instance->nb_held; i++)
		bytes += instance->held[i]->data_len;
	return bytes;
}

static uint32_t send_held(struct instance *instance)
{
	struct instance_counts *counts = &instance->counts;
	uint64_t bytes = held_bytes(instance);
	uint32_t sent;

	cross(instance);
	sent = plx_port_tx_burst(instance->port, 0, instance->held, instance->nb_held);
	instance->nb_held -= sent;
	if (plx_unlikely(instance->nb_held)) {
		memmove(instance->held, instance->held + sent,
			instance->nb_held * sizeof(struct plx_mbuf *));
		bytes -= held_bytes(instance);
	}
	plx_store_relaxed(&counts->sent, counts->sent + sent);
	plx_store_relaxed(&counts->sent_bytes, counts->sent_bytes + bytes);
	return sent;
}

static uint32_t send_due(struct instance *instance, uint64_t now_ns)
{
	uint32_t nb = nb_due(instance, now_ns);

	if (nb)
		make(instance, nb, now_ns);
	return instance->nb_held ? send_held(instance) : 0;
}

/* ---- Both ---- */

static void enter(struct instance *instance, uint32_t phase, uint64_t now_ns)
{
	const bool was_warm = instance->seen_phase == PHASE_WARM;

	instance->seen_phase = phase;
	if (phase == PHASE_WARM) {
		instance->start_ns = now_ns;
		instance->latency_from_ns = UINT64_MAX;
	} else if (phase == PHASE_SEND) {
		if (was_warm)
			instance->latency_from_ns = now_ns;
		else
			instance->start_ns = now_ns;
		instance->from_ns = now_ns;
		instance->at_start = instance->counts;
	} else if (phase == PHASE_DRAIN) {
		instance->end_ns = now_ns;
		instance->at_end = instance->counts;
		/* Numbers that were given out and never sent are not part of the stream. */
		instance_release(instance);
	}
}

uint32_t instance_poll(struct instance *instance)
{
	uint32_t phase = plx_load_acquire(&instance->phase);
	uint32_t nb = receive(instance);

	if (plx_unlikely(phase != instance->seen_phase))
		enter(instance, phase, plx_clock_now_ns());
	if (phase == PHASE_WARM || phase == PHASE_SEND)
		nb += send_due(instance, plx_clock_now_ns());
	return nb;
}
