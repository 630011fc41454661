/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration space of any content: the lists of capabilities, and the kernel's messages about
 * functions. The sources are compiled in, so that libFuzzer sees their branches.
 */
#include "../../lib/bus/cfg.c"	  /* NOLINT(bugprone-suspicious-include) */
#include "../../lib/bus/uevent.c" /* NOLINT(bugprone-suspicious-include) */

#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	struct plx_pci_cap caps[CAPS_MAX + EXT_CAPS_MAX];
	unsigned nb = plx_pci_caps_parse(data, len, caps, PLX_ARRAY_SIZE(caps));
	enum plx_pci_change change;
	struct plx_pci_addr addr;

	if (nb > PLX_ARRAY_SIZE(caps))
		abort();
	for (unsigned i = 0; i < nb; i++)
		if (caps[i].offset % 4 || caps[i].offset + 4U > len ||
		    caps[i].is_extended != (caps[i].offset >= PLX_PCI_CFG_BYTES))
			abort();
	if (plx_pci_caps_parse(data, len, caps, 1) != nb)
		abort();
	if (plx_uevent_parse((const char *)data, len, &addr, &change) &&
	    (addr.dev > 31 || addr.fn > 7 || change > PLX_PCI_CHANGE_UNBOUND))
		abort();
	return 0;
}
