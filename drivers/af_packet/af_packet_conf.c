/* SPDX-License-Identifier: BSD-3-Clause */
/* The device string: DPDK's keys, and version. */
#include "af_packet.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

const struct plx_devargs_key afp_keys[] = {
	{"iface", false, "INTERFACE: the kernel's interface to use; has to be given"},
	{"qpairs", false, "N: receive and transmit queues, 1 to 16 (1)"},
	{"blocksz", false,
	 "BYTES: of the ring's blocks, a power of two from a page on (a page, or one frame)"},
	{"framesz", false,
	 "BYTES: of the ring's frames, a power of two (2048, or more if the MTU wants it)"},
	{"framecnt", false, "N: frames of a ring, whole blocks (512)"},
	{"qdisc_bypass", false,
	 "0|1: hand frames to the driver without the qdisc and without taps (0)"},
	{"version", false,
	 "2|3: TPACKET version of the receive ring (2). 3 hands over whole blocks: less work for "
	 "the kernel, but a frame waits up to a millisecond or more for its block"},
	{"fanout_mode", false,
	 "hash|lb|cpu|rollover|rnd|qm: what spreads frames over the receive queues (hash: by "
	 "flow)"},
	{0},
};

static const char *const versions[] = {"2", "3", NULL};
static const char *const fanout_words[] = {"hash", "lb", "cpu", "rollover", "rnd", "qm", NULL};
static const uint16_t fanout_modes[] = {PACKET_FANOUT_HASH, PACKET_FANOUT_LB,
					PACKET_FANOUT_CPU,  PACKET_FANOUT_ROLLOVER,
					PACKET_FANOUT_RND,  PACKET_FANOUT_QM};

static bool is_power_of_two(uint32_t n)
{
	return n != 0 && (n & (n - 1)) == 0;
}

static int parse_sizes(const struct plx_devargs *args, struct afp_options *options)
{
	uint32_t page = (uint32_t)sysconf(_SC_PAGESIZE);
	char allowed[80];
	int ret;

	ret = plx_devargs_u32(args, "blocksz", page, AFP_BLOCK_BYTES_MAX, &options->block_bytes);
	if (ret == 0)
		ret = plx_devargs_u32(args, "framesz", AFP_FRAME_BYTES_MIN, AFP_FRAME_BYTES_MAX,
				      &options->frame_bytes);
	if (ret == 0)
		ret = plx_devargs_u32(args, "framecnt", 1, AFP_FRAMES_MAX, &options->nb_frames);
	if (ret != 0)
		return ret;
	if (options->block_bytes != 0 && !is_power_of_two(options->block_bytes))
		return plx_devargs_refuse(args, "blocksz", "a power of two");
	if (options->frame_bytes != 0 && !is_power_of_two(options->frame_bytes))
		return plx_devargs_refuse(args, "framesz", "a power of two");
	if (options->block_bytes != 0 && options->frame_bytes > options->block_bytes) {
		snprintf(allowed, sizeof(allowed), "up to blocksz=%u", options->block_bytes);
		return plx_devargs_refuse(args, "framesz", allowed);
	}
	return 0;
}

int afp_options_parse(const struct plx_devargs *args, struct afp_options *options)
{
	const char *iface = plx_devargs_get(args, "iface");
	unsigned version = 0, fanout = 0;
	int ret;

	*options = (struct afp_options){.nb_queues = 1, .nb_frames = AFP_FRAMES_DEFAULT};
	if (iface == NULL || iface[0] == '\0' || strlen(iface) >= sizeof(options->iface))
		return plx_devargs_refuse(args, "iface", "the name of an interface");
	snprintf(options->iface, sizeof(options->iface), "%s", iface);
	ret = plx_devargs_u32(args, "qpairs", 1, AFP_QUEUES_MAX, &options->nb_queues);
	if (ret == 0)
		ret = parse_sizes(args, options);
	if (ret == 0)
		ret = plx_devargs_bool(args, "qdisc_bypass", &options->qdisc_bypass);
	if (ret == 0)
		ret = plx_devargs_word(args, "version", versions, &version);
	if (ret == 0)
		ret = plx_devargs_word(args, "fanout_mode", fanout_words, &fanout);
	options->version3 = version == 1;
	options->fanout = fanout_modes[fanout];
	return ret;
}

/* What can only be said when the interface's MTU is known. */
int afp_options_check(const struct plx_devargs *args, const struct afp_options *options,
		      uint32_t mtu)
{
	uint32_t frame_bytes = afp_frame_bytes(options, mtu);
	uint32_t frames_a_block = afp_block_bytes(options, frame_bytes) / frame_bytes;
	char allowed[80];

	if (frame_bytes < mtu + AFP_OVERHEAD_BYTES) {
		snprintf(allowed, sizeof(allowed), "at least %u for the interface's MTU of %u",
			 mtu + AFP_OVERHEAD_BYTES, mtu);
		return plx_devargs_refuse(args, "framesz", allowed);
	}
	if (frames_a_block == 0) {
		snprintf(allowed, sizeof(allowed), "at least one frame of %u bytes", frame_bytes);
		return plx_devargs_refuse(args, "blocksz", allowed);
	}
	if (options->nb_frames % frames_a_block != 0) {
		snprintf(allowed, sizeof(allowed), "a multiple of the %u frames of a block",
			 frames_a_block);
		return plx_devargs_refuse(args, "framecnt", allowed);
	}
	return 0;
}
