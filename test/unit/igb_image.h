/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A card of plain memory: registers keep what is written. For what is a matter of which value goes
 * where; what takes an answer is tested on the model (igb_model.h).
 */
#ifndef TEST_IGB_IMAGE_H
#define TEST_IGB_IMAGE_H

#include <criterion/criterion.h>
#include <errno.h>
#include <hw.h>
#include <string.h>

#include "log_lines.h"

static struct igb_image {
	uint32_t reg[0x20000 / 4];
	uint16_t config[128]; /* a word each */
	bool config_gone;
} image;

static int image_cfg_read(void *arg, uint32_t offset, uint16_t *value)
{
	(void)arg;
	*value = image.config_gone ? 0xffff : image.config[offset / 2];
	return 0;
}

static int image_cfg_write(void *arg, uint32_t offset, uint16_t value)
{
	(void)arg;
	image.config[offset / 2] = value;
	return 0;
}

static inline uint32_t *image_reg(uint32_t reg)
{
	return &image.reg[reg / 4];
}

/* A card that is there, in D0, with memory decoding on, as after an attach. */
static inline void image_start(struct igb_hw *hw, enum igb_mac_type type)
{
	static const uint8_t own[] = {0x02, 0xa0, 0xc9, 0x11, 0x22, 0x33};

	memset(&image, 0, sizeof(image));
	memset(hw, 0, sizeof(*hw));
	image.config[0] = IGB_PCI_VENDOR;
	image.config[2] = 6;
	*image_reg(IGB_STATUS) = IGB_STATUS_GIO_MASTER_ENABLE;
	hw->bar = (volatile uint8_t *)image.reg;
	hw->bar_bytes = sizeof(image.reg);
	hw->cfg = (struct igb_cfg){image_cfg_read, image_cfg_write, NULL};
	hw->mac = &plx_igb_macs[type];
	snprintf(hw->name, sizeof(hw->name), "0000:01:00.0");
	memcpy(hw->filters.own, own, sizeof(own));
	memcpy(hw->perm_addr, own, sizeof(own));
	hw->rx_buffer_bytes = 36 * 1024;
	hw->max_frame_bytes = 1522;
	log_lines_start();
}

#define assert_reg(reg, want)                                                                      \
	cr_assert_eq(*image_reg(reg), (uint32_t)(want), "register 0x%05x is 0x%08x, want 0x%08x",  \
		     (unsigned)(reg), *image_reg(reg), (uint32_t)(want))

#endif
