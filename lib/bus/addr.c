/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Addresses and ids, and the lists of -a and -b that are made of them.
 */
#include "bus_private.h"

#include <ctype.h>
#include <errno.h>
#include <pollux/eal.h>
#include <stdio.h>
#include <string.h>

enum { DOMAIN_DIGITS_MAX = 8 };

/* Hex digits, [min, max] of them. Returns what follows, NULL: none. */
static const char *read_hex(const char *text, unsigned min, unsigned max, uint32_t *value)
{
	unsigned nb = 0;

	for (*value = 0; nb < max && isxdigit((unsigned char)text[nb]); nb++) {
		int digit = tolower((unsigned char)text[nb]);

		*value = *value << 4 | (uint32_t)(digit <= '9' ? digit - '0' : digit - 'a' + 10);
	}
	return nb >= min ? text + nb : NULL;
}

/* "01:00.0" */
static const char *read_tail(const char *text, struct plx_pci_addr *addr)
{
	uint32_t bus, dev, fn;

	text = read_hex(text, 1, 2, &bus);
	if (!text || *text != ':')
		return NULL;
	text = read_hex(text + 1, 1, 2, &dev);
	if (!text || *text != '.' || dev > 31)
		return NULL;
	text = read_hex(text + 1, 1, 1, &fn);
	if (!text || fn > 7)
		return NULL;
	addr->bus = (uint8_t)bus;
	addr->dev = (uint8_t)dev;
	addr->fn = (uint8_t)fn;
	return text;
}

int plx_pci_addr_parse(const char *text, struct plx_pci_addr *addr, const char **rest)
{
	struct plx_pci_addr found = {0};
	const char *end, *colon;

	if (!text)
		return -EINVAL;
	end = read_tail(text, &found);
	if (!end) {
		colon = read_hex(text, 1, DOMAIN_DIGITS_MAX, &found.domain);
		end = colon && *colon == ':' ? read_tail(colon + 1, &found) : NULL;
	}
	if (!end || (!rest && *end))
		return -EINVAL;
	*addr = found;
	if (rest)
		*rest = end;
	return 0;
}

char *plx_pci_addr_format(const struct plx_pci_addr *addr, char name[PLX_PCI_NAME_MAX])
{
	snprintf(name, PLX_PCI_NAME_MAX, "%04x:%02x:%02x.%x", addr->domain, addr->bus,
		 addr->dev & 31U, addr->fn & 7U);
	return name;
}

int plx_pci_addr_compare(const struct plx_pci_addr *a, const struct plx_pci_addr *b)
{
	uint32_t low_a = (uint32_t)(a->bus << 16 | a->dev << 8 | a->fn);
	uint32_t low_b = (uint32_t)(b->bus << 16 | b->dev << 8 | b->fn);

	if (a->domain != b->domain)
		return a->domain < b->domain ? -1 : 1;
	return low_a < low_b ? -1 : low_a > low_b;
}

static bool fits(uint16_t want, uint16_t have)
{
	return want == PLX_PCI_ANY || want == have;
}

const struct plx_pci_id *plx_pci_id_match(const struct plx_pci_id *table,
					  const struct plx_pci_id *id)
{
	for (; table && table->vendor; table++)
		if (fits(table->vendor, id->vendor) && fits(table->device, id->device) &&
		    fits(table->subsystem_vendor, id->subsystem_vendor) &&
		    fits(table->subsystem_device, id->subsystem_device) &&
		    (table->class_code == 0 || table->class_code == id->class_code))
			return table;
	return NULL;
}

/* ---- -a and -b ---- */

/* The address of an entry, and what stands behind its comma. */
static int read_entry(const char *text, struct plx_pci_addr *addr, const char **args)
{
	if (plx_pci_addr_parse(text, addr, args) || (**args && **args != ','))
		return -EINVAL;
	if (**args == ',')
		(*args)++;
	return 0;
}

static bool stands_before(const struct plx_eal_conf *conf, unsigned index,
			  const struct plx_pci_addr *addr)
{
	struct plx_pci_addr other;
	const char *args;

	for (unsigned i = 0; i < index; i++)
		if (conf->devices[i].kind == conf->devices[index].kind &&
		    read_entry(conf->devices[i].args, &other, &args) == 0 &&
		    plx_pci_addr_compare(&other, addr) == 0)
			return true;
	return false;
}

int plx_pci_lists_check(const struct plx_eal_conf *conf)
{
	for (unsigned i = 0; i < conf->nb_devices; i++) {
		const struct plx_eal_device *entry = &conf->devices[i];
		const char *option = entry->kind == PLX_DEV_BLOCK ? "-b" : "-a", *args;
		struct plx_pci_addr addr;

		if (entry->kind == PLX_DEV_VDEV)
			continue;
		if (read_entry(entry->args, &addr, &args)) {
			LOG_ERR("%s '%.160s': want a PCI address, as in 0000:01:00.0%s", option,
				entry->args,
				entry->kind == PLX_DEV_ALLOW ? ", then ,KEY=VALUE,..." : "");
			return -EINVAL;
		}
		if (entry->kind == PLX_DEV_BLOCK && *args) {
			LOG_ERR("-b '%.160s': a device that is left alone takes no keys",
				entry->args);
			return -EINVAL;
		}
		if (stands_before(conf, i, &addr)) {
			LOG_ERR("%s '%.160s': this address stands more than once", option,
				entry->args);
			return -EINVAL;
		}
	}
	return 0;
}

bool plx_pci_is_blocked(const struct plx_eal_conf *conf, const struct plx_pci_addr *addr)
{
	for (unsigned i = 0; i < conf->nb_devices; i++) {
		struct plx_pci_addr other;
		const char *args;

		if (conf->devices[i].kind == PLX_DEV_BLOCK &&
		    read_entry(conf->devices[i].args, &other, &args) == 0 &&
		    plx_pci_addr_compare(&other, addr) == 0)
			return true;
	}
	return conf->no_pci && !plx_pci_is_wanted(conf, addr, NULL);
}

bool plx_pci_is_wanted(const struct plx_eal_conf *conf, const struct plx_pci_addr *addr,
		       const char **args)
{
	bool has_allow = false, is_named = false;
	const char *own_args = "";

	for (unsigned i = 0; i < conf->nb_devices && !is_named; i++) {
		const struct plx_eal_device *entry = &conf->devices[i];
		struct plx_pci_addr other;
		const char *behind;

		has_allow |= entry->kind == PLX_DEV_ALLOW;
		if (entry->kind == PLX_DEV_VDEV || read_entry(entry->args, &other, &behind) ||
		    plx_pci_addr_compare(&other, addr) != 0)
			continue;
		if (entry->kind == PLX_DEV_BLOCK)
			return false;
		is_named = true;
		own_args = behind;
	}
	if (args)
		*args = own_args;
	return is_named || (!has_allow && !conf->no_pci);
}
