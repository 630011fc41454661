/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card of test/sim, and the test as its link partner. The driver runs on it as on silicon; what
 * it does that a card would not allow fails the case. A card has threads and a fork() has not: it
 * is made when it is first used.
 */
#include <errno.h>
#include <pollux/port_driver.h>
#include <stdlib.h>
#include <string.h>

#include "conform.h"
#include "sim_bus.h"

enum {
	KEPT_FRAMES = 256, /* then the partner takes no more, and the card waits */
	LINK_DELAY_US = 3000,
	MIN_BYTES = 60,
	SETTLE_MS = 1000,
};

struct model_peer {
	struct peer peer;
	struct igb_sim *sim; /* NULL: not made yet */
	struct igb_sim_conf conf;
	struct plx_pci_dev *dev; /* while it is attached, the port's */
	char name[32];		 /* of the port */
	bool is_gone;
};

static struct model_peer *of(struct peer *peer)
{
	return (struct model_peer *)peer;
}

static struct igb_sim *card(struct peer *peer)
{
	struct model_peer *model = of(peer);

	if (!model->sim)
		want_ret(igb_sim_create(&model->conf, &model->sim), 0);
	return model->sim;
}

static void card_end(struct model_peer *model)
{
	if (!model->sim)
		return;
	for (unsigned i = 0; i < 4 && igb_sim_violation_text(model->sim, i)[0]; i++)
		fprintf(stderr, "  card: %s\n", igb_sim_violation_text(model->sim, i));
	want(igb_sim_violations(model->sim, IGB_SIM_NB_VIOLATIONS), 0,
	     "violations, the first of which is: %s", igb_sim_violation_text(model->sim, 0));
	igb_sim_destroy(model->sim);
	model->sim = NULL;
	model->is_gone = false;
}

/* The device's function number is the part. */
static struct peer *model_create(const struct variant *variant)
{
	struct model_peer *model = calloc(1, sizeof(*model));

	check(model, "no memory");
	snprintf(model->name, sizeof(model->name), "%s", variant->device);
	model->conf = (struct igb_sim_conf){
		.type = (enum igb_sim_type)(variant->device[strlen(variant->device) - 1] - '0'),
		.run = variant->threaded ? IGB_SIM_THREAD : IGB_SIM_TICKED,
		.link_delay_us = LINK_DELAY_US,
		.partner_frames = KEPT_FRAMES,
	};
	model->peer.mac = (struct ether_addr){{2, 0, 0, 0, 0, 0x99}};
	model->peer.nb_seen_max = UINT32_MAX;
	return &model->peer;
}

static void model_destroy(struct peer *peer)
{
	card_end(of(peer));
	free(peer);
}

/* What is not this card, or not there, is left to plx_port_attach(). */
static int model_attach(struct peer *peer, const char *device, unsigned *port)
{
	struct model_peer *model = of(peer);
	size_t len = strlen(model->name);
	const char *args = device + len;
	struct plx_pci_dev *dev;
	unsigned other;
	int ret;

	if (strncmp(device, model->name, len) != 0 || model->is_gone)
		return plx_port_attach(device, port);
	args += *args == ',';
	if (plx_port_by_name(model->name, &other) == 0)
		return plx_port_attach_pci(model->dev, args, port);
	ret = igb_sim_open(card(peer), model->name, &dev);
	if (ret)
		return ret;
	ret = plx_port_attach_pci(dev, args, port);
	if (ret)
		plx_pci_close(dev);
	else
		model->dev = dev;
	return ret;
}

/* As a card does, the partner pads. The frame is in memory when this returns. */
static bool model_send(struct peer *peer, uint32_t flow, const uint8_t *frame, uint32_t len)
{
	struct igb_sim *sim = card(peer);
	uint8_t padded[MIN_BYTES] = {0};

	(void)flow;
	if (!igb_sim_has_room(sim))
		return false;
	if (len < MIN_BYTES) {
		memcpy(padded, frame, len);
		frame = padded;
		len = MIN_BYTES;
	}
	if (igb_sim_inject(sim, frame, len, 0))
		return false;
	if (of(peer)->conf.run == IGB_SIM_THREAD)
		check(igb_sim_settle(sim, SETTLE_MS), "the card is busy for %d ms", SETTLE_MS);
	return true;
}

static uint32_t model_recv(struct peer *peer, uint8_t *frame, uint32_t room)
{
	int len = igb_sim_take(card(peer), frame, room);

	return len == IGB_SIM_NONE ? PEER_NONE : (uint32_t)len;
}

static void model_link(struct peer *peer, bool up)
{
	igb_sim_plug(card(peer), up);
}

static void model_remove(struct peer *peer)
{
	of(peer)->is_gone = true;
	igb_sim_remove(card(peer));
}

static void model_restore(struct peer *peer)
{
	card_end(of(peer));
}

const struct peer_ops peer_model = {
	.name = "link partner of the model",
	.can = PEER_SENDS | PEER_SEES | PEER_LINK | PEER_REMOVES | PEER_FILLS | PEER_FORGETS,
	.create = model_create,
	.destroy = model_destroy,
	.attach = model_attach,
	.send = model_send,
	.recv = model_recv,
	.link = model_link,
	.remove = model_remove,
	.restore = model_restore,
};
