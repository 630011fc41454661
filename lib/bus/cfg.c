/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Configuration space. The parser of capabilities takes bytes as they come: each step of a list
 * goes to an offset that was not visited yet, so that it ends whatever a device answers.
 */
#include "bus_private.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

enum {
	CAPS_MAX = (PLX_PCI_CFG_BYTES - PCI_STD_HEADER_SIZEOF) / 4,
	EXT_CAPS_MAX = (PLX_PCI_CFG_EXT_BYTES - PLX_PCI_CFG_BYTES) / 4,
};

static int check_access(const struct plx_pci_dev *dev, unsigned offset, size_t bytes)
{
	(void)dev;
	if (offset % bytes || offset >= PLX_PCI_CFG_EXT_BYTES)
		return -EINVAL;
	return 0;
}

static int read_bytes(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t bytes)
{
	int ret = check_access(dev, offset, bytes);
	ssize_t got;

	if (ret == 0) {
		got = dev->ops->cfg_read(dev, offset, buf, bytes);
		ret = got == (ssize_t)bytes ? 0 : -EIO;
	}
	if (ret)
		memset(buf, 0xff, bytes);
	return ret;
}

static int write_bytes(struct plx_pci_dev *dev, unsigned offset, const void *buf, size_t bytes)
{
	int ret = check_access(dev, offset, bytes);

	if (ret)
		return ret;
	return dev->ops->cfg_write(dev, offset, buf, bytes) == (ssize_t)bytes ? 0 : -EIO;
}

int plx_pci_cfg_read8(struct plx_pci_dev *dev, unsigned offset, uint8_t *value)
{
	return read_bytes(dev, offset, value, sizeof(*value));
}

int plx_pci_cfg_read16(struct plx_pci_dev *dev, unsigned offset, uint16_t *value)
{
	uint16_t le;
	int ret = read_bytes(dev, offset, &le, sizeof(le));

	*value = le16toh(le);
	return ret;
}

int plx_pci_cfg_read32(struct plx_pci_dev *dev, unsigned offset, uint32_t *value)
{
	uint32_t le;
	int ret = read_bytes(dev, offset, &le, sizeof(le));

	*value = le32toh(le);
	return ret;
}

int plx_pci_cfg_write8(struct plx_pci_dev *dev, unsigned offset, uint8_t value)
{
	return write_bytes(dev, offset, &value, sizeof(value));
}

int plx_pci_cfg_write16(struct plx_pci_dev *dev, unsigned offset, uint16_t value)
{
	uint16_t le = htole16(value);

	return write_bytes(dev, offset, &le, sizeof(le));
}

int plx_pci_cfg_write32(struct plx_pci_dev *dev, unsigned offset, uint32_t value)
{
	uint32_t le = htole32(value);

	return write_bytes(dev, offset, &le, sizeof(le));
}

int plx_pci_cfg_read(struct plx_pci_dev *dev, unsigned offset, void *buf, size_t len)
{
	ssize_t got;

	if (offset >= PLX_PCI_CFG_EXT_BYTES || len == 0)
		return -EINVAL;
	if (len > PLX_PCI_CFG_EXT_BYTES - offset)
		len = PLX_PCI_CFG_EXT_BYTES - offset;
	got = dev->ops->cfg_read(dev, offset, buf, len);
	return got > 0 ? (int)got : -EIO;
}

/* ---- Capabilities ---- */

struct cap_list {
	struct plx_pci_cap *caps;
	unsigned room, nb;
};

static void add_cap(struct cap_list *list, const struct plx_pci_cap *cap)
{
	if (list->nb < list->room)
		list->caps[list->nb] = *cap;
	list->nb++;
}

static bool visit(uint8_t *visited, unsigned offset)
{
	unsigned word = offset / 4;
	bool is_new = (visited[word / 8] >> word % 8 & 1) == 0;

	visited[word / 8] |= (uint8_t)(1U << word % 8);
	return is_new;
}

static void parse_caps(const uint8_t *cfg, size_t len, uint8_t *visited, struct cap_list *list)
{
	unsigned at = cfg[PCI_CAPABILITY_LIST] & ~3U;

	if (!(cfg[PCI_STATUS] & PCI_STATUS_CAP_LIST))
		return;
	while (at >= PCI_STD_HEADER_SIZEOF && at + 4 <= len && visit(visited, at)) {
		struct plx_pci_cap cap = {.id = cfg[at], .offset = (uint16_t)at};

		if (cfg[at] == 0xff) /* nobody answers */
			return;
		add_cap(list, &cap);
		at = cfg[at + 1] & ~3U;
	}
}

static void parse_ext_caps(const uint8_t *cfg, size_t len, uint8_t *visited, struct cap_list *list)
{
	unsigned at = PLX_PCI_CFG_BYTES;

	while (at >= PLX_PCI_CFG_BYTES && at + 4 <= len && visit(visited, at)) {
		uint32_t header = (uint32_t)cfg[at] | (uint32_t)cfg[at + 1] << 8 |
				  (uint32_t)cfg[at + 2] << 16 | (uint32_t)cfg[at + 3] << 24;
		struct plx_pci_cap cap = {
			.id = (uint16_t)PCI_EXT_CAP_ID(header),
			.version = (uint8_t)PCI_EXT_CAP_VER(header),
			.is_extended = true,
			.offset = (uint16_t)at,
		};

		if (header == 0 || header == UINT32_MAX)
			return;
		if (cap.id != 0) /* what a hypervisor hides */
			add_cap(list, &cap);
		at = PCI_EXT_CAP_NEXT(header) & ~3U;
	}
}

unsigned plx_pci_caps_parse(const uint8_t *cfg, size_t len, struct plx_pci_cap *caps, unsigned room)
{
	uint8_t visited[PLX_PCI_CFG_EXT_BYTES / 4 / 8] = {0};
	struct cap_list list = {.caps = caps, .room = room};

	if (len < PCI_STD_HEADER_SIZEOF)
		return 0;
	if (len > PLX_PCI_CFG_EXT_BYTES)
		len = PLX_PCI_CFG_EXT_BYTES;
	parse_caps(cfg, len < PLX_PCI_CFG_BYTES ? len : PLX_PCI_CFG_BYTES, visited, &list);
	parse_ext_caps(cfg, len, visited, &list);
	return list.nb;
}

static int find_cap(struct plx_pci_dev *dev, unsigned id, bool is_extended, unsigned *offset)
{
	struct plx_pci_cap caps[CAPS_MAX + EXT_CAPS_MAX];
	uint8_t cfg[PLX_PCI_CFG_EXT_BYTES];
	int got = plx_pci_cfg_read(dev, 0, cfg,
				   is_extended ? PLX_PCI_CFG_EXT_BYTES : PLX_PCI_CFG_BYTES);
	unsigned nb;

	if (got < 0)
		return got;
	nb = plx_pci_caps_parse(cfg, (size_t)got, caps, PLX_ARRAY_SIZE(caps));
	for (unsigned i = 0; i < nb; i++) {
		if (caps[i].id == id && caps[i].is_extended == is_extended) {
			*offset = caps[i].offset;
			return 0;
		}
	}
	return -ENOENT;
}

int plx_pci_cap_find(struct plx_pci_dev *dev, uint8_t id, unsigned *offset)
{
	return find_cap(dev, id, false, offset);
}

int plx_pci_ext_cap_find(struct plx_pci_dev *dev, uint16_t id, unsigned *offset)
{
	return find_cap(dev, id, true, offset);
}
