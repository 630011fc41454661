/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * LEDs: one byte of LEDCTL each. Data sheets: "Configurable LED Outputs" (I210: 7.5), LEDCTL (8.2).
 * Polarity and the rate of blinking are the bits that stay as they are.
 */
#include "hw.h"

void plx_igb_led(struct igb_hw *hw, enum igb_led led)
{
	uint32_t value = hw->ledctl;
	uint32_t mode = IGB_LED_MODE_ON;

	if (led == IGB_LED_OFF)
		mode = IGB_LED_MODE_OFF;
	for (unsigned i = 0; led != IGB_LED_NORMAL && i < hw->mac->nb_leds; i++) {
		value &= ~((IGB_LED_MODE_MASK | IGB_LED_BLINK) << 8 * i);
		value |= (mode | (led == IGB_LED_BLINKING ? IGB_LED_BLINK : 0)) << 8 * i;
	}
	igb_write(hw, IGB_LEDCTL, value);
}
