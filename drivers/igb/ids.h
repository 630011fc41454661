/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Every PCI device id of vendor 8086h that is one of the family: X(id, MAC, medium). Media that are
 * not driven are in it, to be refused by name rather than overlooked. STRAPPED: the board decides.
 */
#ifndef IGB_IDS_H
#define IGB_IDS_H

#define IGB_IDS(X)                                                                                 \
	X(0x10c9, 82576, COPPER)                                                                   \
	X(0x10e8, 82576, COPPER)                                                                   \
	X(0x1526, 82576, COPPER)                                                                   \
	X(0x150a, 82576, COPPER)                                                                   \
	X(0x10e6, 82576, FIBER)                                                                    \
	X(0x10e7, 82576, SERDES)                                                                   \
	X(0x1518, 82576, SERDES)                                                                   \
	X(0x150d, 82576, SERDES)                                                                   \
	X(0x150e, 82580, COPPER)                                                                   \
	X(0x1516, 82580, COPPER)                                                                   \
	X(0x150f, 82580, FIBER)                                                                    \
	X(0x1527, 82580, FIBER)                                                                    \
	X(0x1510, 82580, SERDES)                                                                   \
	X(0x1511, 82580, SGMII)                                                                    \
	X(0x0438, 82580, SGMII)                                                                    \
	X(0x043a, 82580, SERDES)                                                                   \
	X(0x043c, 82580, KX)                                                                       \
	X(0x0440, 82580, FIBER)                                                                    \
	X(0x1521, I350, COPPER)                                                                    \
	X(0x1522, I350, FIBER)                                                                     \
	X(0x1523, I350, SERDES)                                                                    \
	X(0x1524, I350, SGMII)                                                                     \
	X(0x1546, I350, STRAPPED)                                                                  \
	X(0x1f40, I354, STRAPPED)                                                                  \
	X(0x1f41, I354, STRAPPED)                                                                  \
	X(0x1f45, I354, STRAPPED)                                                                  \
	X(0x1533, I210, COPPER)                                                                    \
	X(0x1534, I210, COPPER)                                                                    \
	X(0x1535, I210, COPPER)                                                                    \
	X(0x157b, I210, COPPER)                                                                    \
	X(0x1536, I210, FIBER)                                                                     \
	X(0x1537, I210, SERDES)                                                                    \
	X(0x1538, I210, SGMII)                                                                     \
	X(0x157c, I210, SERDES)                                                                    \
	X(0x15f6, I210, SGMII)                                                                     \
	X(0x1539, I211, COPPER)

#endif
