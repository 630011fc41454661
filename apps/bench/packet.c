/* SPDX-License-Identifier: BSD-3-Clause */
#include "packet.h"

enum { IP_LIFE = PACKET_AT_IP + 8 };

/* 198.18.0.1 to 198.18.0.2 */
static const uint8_t addresses[8] = {198, 18, 0, 1, 198, 18, 0, 2};

static void store16(uint8_t *at, uint16_t value)
{
	memcpy(at, &value, sizeof(value));
}

static void store_be16(uint8_t *at, uint32_t value)
{
	store16(at, htobe16((uint16_t)value));
}

/* Four sums at once do not wait for each other's carry. */
uint64_t packet_sum(const uint8_t *data, size_t bytes)
{
	uint64_t sums[4] = {0}, last = 0;

	for (; bytes >= sizeof(sums); bytes -= sizeof(sums), data += sizeof(sums))
		for (unsigned i = 0; i < 4; i++)
			sums[i] = packet_add(sums[i], packet_load64(data + 8 * (size_t)i));
	for (; bytes >= 8; bytes -= 8, data += 8)
		sums[0] = packet_add(sums[0], packet_load64(data));
	memcpy(&last, data, bytes);
	return packet_add(packet_add(packet_add(sums[0], sums[1]), packet_add(sums[2], sums[3])),
			  last);
}

void packet_form_make(struct packet_form *form, uint32_t bytes, uint32_t stream,
		      const uint8_t dst[6], const uint8_t src[6])
{
	const uint32_t magic = htobe32(PACKET_MAGIC);
	uint8_t *data = form->data;

	memset(data, 0, PACKET_MIN);
	for (uint32_t i = PACKET_MIN; i < bytes; i++)
		data[i] = (uint8_t)(i * 7 + 1);
	memcpy(data, dst, 6);
	memcpy(data + 6, src, 6);
	store_be16(data + PACKET_AT_ETH_TYPE, PACKET_ETH_IP);
	data[PACKET_AT_IP] = PACKET_IP_VERSION;
	store_be16(data + PACKET_AT_IP_LENGTH, bytes - PACKET_AT_IP);
	data[IP_LIFE] = 64;
	data[PACKET_AT_IP_NEXT] = PACKET_IP_UDP;
	memcpy(data + PACKET_AT_IP_SRC, addresses, sizeof(addresses));
	store_be16(data + PACKET_AT_UDP, PACKET_STREAM_PORT + stream);
	store_be16(data + PACKET_AT_UDP_DST, PACKET_TO_PORT);
	store_be16(data + PACKET_AT_UDP_LENGTH, bytes - PACKET_AT_UDP);
	memcpy(data + PACKET_AT_MARK, &magic, sizeof(magic));
	store16(data + PACKET_AT_IP_SUM, (uint16_t)~packet_fold(packet_ip_sum(data)));
	form->bytes = bytes;
	form->sum = packet_udp_sum(data, bytes - PACKET_AT_UDP);
}

bool packet_was_ours(const uint8_t *data, uint32_t bytes)
{
	if (bytes >= PACKET_AT_SEQ && packet_load32(data + PACKET_AT_MARK) == htobe32(PACKET_MAGIC))
		return true;
	/* The magic word is what is damaged, or somebody else's packet has our addresses. */
	return bytes >= PACKET_AT_MARK &&
	       memcmp(data + PACKET_AT_IP_SRC, addresses, sizeof(addresses)) == 0 &&
	       packet_load16(data + PACKET_AT_UDP_DST) == htobe16(PACKET_TO_PORT) &&
	       !packet_is_sound(data, bytes);
}
