/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Registers of the igb family: byte offsets into BAR 0 and their bits. Little-endian, 32 bits each.
 *
 * Named as in Intel's data sheets, chapter "Programming Interface" (82576EB rev 2.7, 82580 rev 2.5,
 * I350 rev 2.6, I210 rev 3.x: chapter 8 in each). What differs from part to part is in mac.c, not
 * here. Bits are #defines, not an enum: bit 31 does not fit one.
 */
#ifndef IGB_REGS_H
#define IGB_REGS_H

#include <pollux/bits.h>

/* ---- General, NVM, PHY: "General Register Descriptions", "NVM Registers", "Semaphores" ---- */
#define IGB_CTRL 0x0000u
#define IGB_CTRL_FD PLX_BIT(0)
#define IGB_CTRL_GIO_MASTER_DISABLE PLX_BIT(2)
#define IGB_CTRL_LRST PLX_BIT(3)
#define IGB_CTRL_ASDE PLX_BIT(5)
#define IGB_CTRL_SLU PLX_BIT(6)
#define IGB_CTRL_ILOS PLX_BIT(7)
#define IGB_CTRL_SPEED_MASK (3u << 8) /* 0, 1, 2: 10, 100, 1000 Mb/s */
#define IGB_CTRL_SPEED_SHIFT 8
#define IGB_CTRL_FRCSPD PLX_BIT(11)
#define IGB_CTRL_FRCDPX PLX_BIT(12)
#define IGB_CTRL_RST PLX_BIT(26)
#define IGB_CTRL_RFCE PLX_BIT(27)
#define IGB_CTRL_TFCE PLX_BIT(28)
#define IGB_CTRL_DEV_RST PLX_BIT(29)
#define IGB_CTRL_VME PLX_BIT(30)
#define IGB_CTRL_PHY_RST PLX_BIT(31)

#define IGB_STATUS 0x0008u
#define IGB_STATUS_FD PLX_BIT(0)
#define IGB_STATUS_LU PLX_BIT(1)
#define IGB_STATUS_LAN_ID_MASK (3u << 2)
#define IGB_STATUS_LAN_ID_SHIFT 2
#define IGB_STATUS_TXOFF PLX_BIT(4)
#define IGB_STATUS_SPEED_MASK (3u << 6)
#define IGB_STATUS_SPEED_SHIFT 6
#define IGB_STATUS_LAN_INIT_DONE PLX_BIT(9)
#define IGB_STATUS_PHYRA PLX_BIT(10)
#define IGB_STATUS_2P5_SKU PLX_BIT(12) /* I354 */
#define IGB_STATUS_2P5_OVERRIDE PLX_BIT(13)
#define IGB_STATUS_GIO_MASTER_ENABLE PLX_BIT(19)
#define IGB_STATUS_DEV_RST_SET PLX_BIT(20) /* cleared by writing 1 */
#define IGB_STATUS_PF_RST_DONE PLX_BIT(21)

#define IGB_CTRL_EXT 0x0018u
#define IGB_CTRL_EXT_SDP3_DATA PLX_BIT(7)
#define IGB_CTRL_EXT_EE_RST PLX_BIT(13)
#define IGB_CTRL_EXT_PFRSTD PLX_BIT(14)
#define IGB_CTRL_EXT_SPD_BYPS PLX_BIT(15)
#define IGB_CTRL_EXT_RO_DIS PLX_BIT(17)
#define IGB_CTRL_EXT_PHYPDEN PLX_BIT(20)
#define IGB_CTRL_EXT_LINK_MODE_MASK (3u << 22)
#define IGB_CTRL_EXT_LINK_MODE_SHIFT 22 /* 0 copper, 1 KX, 2 SGMII, 3 SERDES */
#define IGB_CTRL_EXT_EIAME PLX_BIT(24)
#define IGB_CTRL_EXT_I2C_ENA PLX_BIT(25)
#define IGB_CTRL_EXT_IAME PLX_BIT(27)
#define IGB_CTRL_EXT_DRV_LOAD PLX_BIT(28)
#define IGB_CTRL_EXT_PBA_CLR PLX_BIT(31)

#define IGB_EECD 0x0010u
#define IGB_EECD_I210 0x12010u
#define IGB_EECD_REQ PLX_BIT(6)
#define IGB_EECD_GNT PLX_BIT(7)
#define IGB_EECD_PRES PLX_BIT(8)
#define IGB_EECD_AUTO_RD PLX_BIT(9)
#define IGB_EECD_SIZE_MASK (15u << 11)
#define IGB_EECD_SIZE_SHIFT 11
#define IGB_EECD_ERRORS (7u << 15)
#define IGB_EECD_ERR_CLR PLX_BIT(18)
#define IGB_EECD_FLASH_DETECTED PLX_BIT(19) /* I210 */

#define IGB_EERD 0x0014u
#define IGB_EERD_I210 0x12014u
#define IGB_EERD_START PLX_BIT(0)
#define IGB_EERD_DONE PLX_BIT(1)
#define IGB_EERD_ADDR_SHIFT 2
#define IGB_EERD_DATA_SHIFT 16

#define IGB_INVM_DATA(n) (0x12120u + 4u * (n)) /* I210, I211 without flash; n < 64 */
#define IGB_INVM_WORDS 64

#define IGB_MDIC 0x0020u
#define IGB_MDIC_DATA_MASK 0xffffu
#define IGB_MDIC_REG_SHIFT 16
#define IGB_MDIC_REG_MASK (31u << 16)
#define IGB_MDIC_PHY_SHIFT 21
#define IGB_MDIC_OP_WRITE (1u << 26)
#define IGB_MDIC_OP_READ (2u << 26)
#define IGB_MDIC_READY PLX_BIT(28)
#define IGB_MDIC_IE PLX_BIT(29)
#define IGB_MDIC_ERROR PLX_BIT(30)

#define IGB_MDICNFG 0x0e04u
#define IGB_MDICNFG_PHY_SHIFT 21
#define IGB_MDICNFG_PHY_MASK (31u << 21)
#define IGB_MDICNFG_COM_MDIO PLX_BIT(30)
#define IGB_MDICNFG_EXT_MDIO PLX_BIT(31)

#define IGB_I2CCMD 0x1028u
#define IGB_I2CPARAMS 0x102cu

#define IGB_PHPM 0x0e14u /* 82580 and later */
#define IGB_PHPM_SPD PLX_BIT(0)
#define IGB_PHPM_D0LPLU PLX_BIT(1)
#define IGB_PHPM_D3LPLU PLX_BIT(2)
#define IGB_PHPM_GO_LINKD PLX_BIT(5)

#define IGB_LEDCTL 0x0e00u /* a byte each for LED 0..3 */
#define IGB_LED_MODE_MASK 0x0fu
#define IGB_LED_MODE_LINK_UP 0x2u
#define IGB_LED_MODE_ON 0xeu
#define IGB_LED_MODE_OFF 0xfu
#define IGB_LED_IVRT 0x40u
#define IGB_LED_BLINK 0x80u

#define IGB_EEMNGCTL 0x1010u
#define IGB_EEMNGCTL_I210 0x12030u
#define IGB_EEMNGCTL_CFG_DONE(lan) PLX_BIT(18 + (lan))

#define IGB_EEER 0x0e30u /* energy-efficient Ethernet: I350 and later */
#define IGB_EEER_TX_LPI PLX_BIT(16)
#define IGB_EEER_RX_LPI PLX_BIT(17)
#define IGB_EEER_LPI_FC PLX_BIT(18)
#define IGB_IPCNFG 0x0e38u
#define IGB_IPCNFG_EEE_100M PLX_BIT(2)
#define IGB_IPCNFG_EEE_1G PLX_BIT(3)

#define IGB_SWSM 0x5b50u
#define IGB_SWSM_SMBI PLX_BIT(0)    /* taken by the read that returns 0 */
#define IGB_SWSM_SWESMBI PLX_BIT(1) /* taken by the write that sticks */

#define IGB_FWSM 0x5b54u
#define IGB_FWSM_MODE_MASK (7u << 1)
#define IGB_FWSM_VALID PLX_BIT(15)

#define IGB_SW_FW_SYNC 0x5b5cu
#define IGB_SYNC_EEP PLX_BIT(0)
#define IGB_SYNC_PHY0 PLX_BIT(1)
#define IGB_SYNC_PHY1 PLX_BIT(2)
#define IGB_SYNC_CSR PLX_BIT(3)
#define IGB_SYNC_PHY2 PLX_BIT(5)
#define IGB_SYNC_PHY3 PLX_BIT(6)
#define IGB_SYNC_SW_MB PLX_BIT(8)
#define IGB_SYNC_FW_SHIFT 16 /* the firmware's copy of each bit */

#define IGB_MANC 0x5820u
#define IGB_MANC_RCV_TCO PLX_BIT(17)
#define IGB_MANC_BLK_PHY_RST PLX_BIT(18)
#define IGB_MANC_EN_MNG2HOST PLX_BIT(21)
#define IGB_MANC2H 0x5860u

#define IGB_GCR 0x5b00u /* 82576: completion timeout */
#define IGB_GCR_CMPL_TMO_MASK (15u << 12)
#define IGB_GCR_CMPL_TMO_10_MS (1u << 12)
#define IGB_GCR_CMPL_TMO_RESEND PLX_BIT(16)
#define IGB_GCR_CAP_V2 PLX_BIT(18)
#define IGB_DMACR 0x2508u /* DMA coalescing: I350 and later */
#define IGB_WUC 0x5800u
#define IGB_WUFC 0x5808u
#define IGB_WUS 0x5810u
#define IGB_VET 0x0038u

/* ---- Interrupts: "Interrupt Register Descriptions" ---- */
#define IGB_ICR 0x00c0u /* reading clears it */
#define IGB_ICS 0x00c8u
#define IGB_IMS 0x00d0u
#define IGB_IMC 0x00d8u
#define IGB_IAM 0x00e0u
#define IGB_INT_TXDW PLX_BIT(0)
#define IGB_INT_LSC PLX_BIT(2)
#define IGB_INT_RXSEQ PLX_BIT(3)
#define IGB_INT_RXDMT0 PLX_BIT(4)
#define IGB_INT_RXO PLX_BIT(6)
#define IGB_INT_RXDW PLX_BIT(7)
#define IGB_INT_VMMB PLX_BIT(8)
#define IGB_INT_TIME_SYNC PLX_BIT(19)
#define IGB_INT_FER PLX_BIT(22) /* fatal error of an internal memory */
#define IGB_INT_THS PLX_BIT(23) /* thermal */
#define IGB_INT_DOUTSYNC PLX_BIT(28)
#define IGB_INT_DRSTA PLX_BIT(30) /* another function reset the device */
#define IGB_INT_INTA PLX_BIT(31)

#define IGB_GPIE 0x1514u
#define IGB_GPIE_NSICR PLX_BIT(0)
#define IGB_GPIE_MSIX PLX_BIT(4)
#define IGB_GPIE_EIAME PLX_BIT(30)
#define IGB_GPIE_PBA PLX_BIT(31)
#define IGB_EICS 0x1520u
#define IGB_EIMS 0x1524u
#define IGB_EIMC 0x1528u
#define IGB_EIAC 0x152cu
#define IGB_EIAM 0x1530u
#define IGB_EICR 0x1580u
#define IGB_EITR(vector) (0x1680u + 4u * (vector))
#define IGB_EITR_INTERVAL_MASK 0x7ffcu /* us << 2 */
#define IGB_EITR_INTERVAL_SHIFT 2
#define IGB_EITR_CNT_IGNR PLX_BIT(31)
#define IGB_IVAR(i) (0x1700u + 4u * (i)) /* which queue is where: struct igb_mac.ivar_paired */
#define IGB_IVAR_VALID 0x80u
#define IGB_IVAR_MISC 0x1740u
#define IGB_IVAR_MISC_OTHER_SHIFT 8
#define IGB_PBACL 0x5b68u

/* ---- Receive: "Receive Register Descriptions", "Filtering Register Descriptions" ---- */
#define IGB_RCTL 0x0100u
#define IGB_RCTL_EN PLX_BIT(1)
#define IGB_RCTL_SBP PLX_BIT(2)
#define IGB_RCTL_UPE PLX_BIT(3)
#define IGB_RCTL_MPE PLX_BIT(4)
#define IGB_RCTL_LPE PLX_BIT(5)
#define IGB_RCTL_LBM_MASK (3u << 6)
#define IGB_RCTL_LBM_MAC (1u << 6)
#define IGB_RCTL_MO_MASK (3u << 12)
#define IGB_RCTL_BAM PLX_BIT(15)
#define IGB_RCTL_BSIZE_MASK (3u << 16) /* 0..3: 2048, 1024, 512, 256 bytes */
#define IGB_RCTL_VFE PLX_BIT(18)
#define IGB_RCTL_DPF PLX_BIT(22)
#define IGB_RCTL_PMCF PLX_BIT(23)
#define IGB_RCTL_SECRC PLX_BIT(26)
#define IGB_RXCSUM 0x5000u
#define IGB_RXCSUM_IPOFL PLX_BIT(8)
#define IGB_RXCSUM_TUOFL PLX_BIT(9)
#define IGB_RXCSUM_CRCOFL PLX_BIT(11) /* SCTP */
#define IGB_RXCSUM_IPPCSE PLX_BIT(12)
#define IGB_RXCSUM_PCSD PLX_BIT(13) /* the RSS hash in the descriptor, not the fragment's sum */
#define IGB_RLPML 0x5004u	    /* longest frame with its FCS, while RCTL.LPE */
#define IGB_RFCTL 0x5008u
#define IGB_RFCTL_IPV6_EX_DIS PLX_BIT(16)
#define IGB_RFCTL_LEF PLX_BIT(18)
#define IGB_RFCTL_SYNQFP PLX_BIT(19)
#define IGB_PSRTYPE(q) (0x5480u + 4u * (q))
#define IGB_MRQC 0x5818u
#define IGB_MRQC_MODE_MASK 7u
#define IGB_MRQC_MODE_RSS 2u
#define IGB_MRQC_TCP_IPV4 PLX_BIT(16)
#define IGB_MRQC_IPV4 PLX_BIT(17)
#define IGB_MRQC_TCP_IPV6_EX PLX_BIT(18)
#define IGB_MRQC_IPV6_EX PLX_BIT(19)
#define IGB_MRQC_IPV6 PLX_BIT(20)
#define IGB_MRQC_TCP_IPV6 PLX_BIT(21)
#define IGB_MRQC_UDP_IPV4 PLX_BIT(22)
#define IGB_MRQC_UDP_IPV6 PLX_BIT(23)
#define IGB_MRQC_UDP_IPV6_EX PLX_BIT(24)
#define IGB_RETA(i) (0x5c00u + 4u * (i))  /* i < 32: four entries each */
#define IGB_RSSRK(i) (0x5c80u + 4u * (i)) /* i < 10 */
#define IGB_RETA_ENTRIES 128
#define IGB_RSS_KEY_BYTES 40
#define IGB_RAL(n) ((n) < 16 ? 0x5400u + 8u * (n) : 0x54e0u + 8u * ((n)-16))
#define IGB_RAH(n) (IGB_RAL(n) + 4)
#define IGB_RAH_ASEL_SRC PLX_BIT(16)
#define IGB_RAH_POOL_SHIFT 18
#define IGB_RAH_AV PLX_BIT(31)
#define IGB_MTA(i) (0x5200u + 4u * (i))
#define IGB_UTA(i) (0xa000u + 4u * (i))
#define IGB_VFTA(i) (0x5600u + 4u * (i))
#define IGB_TABLE_WORDS 128 /* of MTA, UTA, VFTA */
#define IGB_VT_CTL 0x581cu
#define IGB_VMOLR(n) (0x5ad0u + 4u * (n))
#define IGB_VMOLR_RLPML_MASK 0x3fffu
#define IGB_VMOLR_LPE PLX_BIT(16)
#define IGB_VMOLR_RSSE PLX_BIT(17)
#define IGB_VMOLR_AUPE PLX_BIT(24)
#define IGB_VMOLR_ROMPE PLX_BIT(25)
#define IGB_VMOLR_BAM PLX_BIT(27)
#define IGB_VMOLR_MPME PLX_BIT(28)
#define IGB_VMOLR_STRVLAN PLX_BIT(30)
#define IGB_VMOLR_STRCRC PLX_BIT(31)
#define IGB_DVMOLR(q) (0xc038u + 0x40u * (q)) /* I350 and later */
#define IGB_DVMOLR_HIDVLAN PLX_BIT(29)
#define IGB_DVMOLR_STRVLAN PLX_BIT(30)
#define IGB_DVMOLR_STRCRC PLX_BIT(31)
#define IGB_VFRE 0x0c8cu
#define IGB_VFTE 0x0c90u
#define IGB_DTXSWC_82576 0x3500u
#define IGB_TXSWC_I350 0x5accu
#define IGB_TXSWC_LOOPBACK PLX_BIT(31)
#define IGB_RXPBS 0x2404u
#define IGB_RXPBS_CFG_TS_EN PLX_BIT(31) /* I210: room for stamps before frames */

/* Receive queues; all parts of the table in mac.c decode these for each of their queues. */
#define IGB_RDBAL(q) (0xc000u + 0x40u * (q))
#define IGB_RDBAH(q) (0xc004u + 0x40u * (q))
#define IGB_RDLEN(q) (0xc008u + 0x40u * (q))
#define IGB_SRRCTL(q) (0xc00cu + 0x40u * (q))
#define IGB_RDH(q) (0xc010u + 0x40u * (q))
#define IGB_DCA_RXCTRL(q) (0xc014u + 0x40u * (q))
#define IGB_RDT(q) (0xc018u + 0x40u * (q))
#define IGB_RXDCTL(q) (0xc028u + 0x40u * (q))
#define IGB_RQDPC(q) (0xc030u + 0x40u * (q)) /* frames dropped, no descriptor; reading clears */
#define IGB_SRRCTL_BSIZEPKT_MASK 0x7fu	     /* KB */
#define IGB_SRRCTL_BSIZEHDR_SHIFT 8	     /* 64 bytes each */
#define IGB_SRRCTL_RDMTS_SHIFT 20
#define IGB_SRRCTL_DESCTYPE_ADV (1u << 25)
#define IGB_SRRCTL_TIMESTAMP PLX_BIT(30)
#define IGB_SRRCTL_DROP_EN PLX_BIT(31)
#define IGB_DCTL_PTHRESH_SHIFT 0 /* RXDCTL and TXDCTL alike, five bits each */
#define IGB_DCTL_HTHRESH_SHIFT 8
#define IGB_DCTL_WTHRESH_SHIFT 16
#define IGB_DCTL_ENABLE PLX_BIT(25)
#define IGB_DCTL_SWFLSH PLX_BIT(26)
#define IGB_TXDCTL_PRIORITY PLX_BIT(27)

/* ---- Transmit, flow control: "Transmit Register Descriptions", "Flow Control" ---- */
#define IGB_TCTL 0x0400u
#define IGB_TCTL_EN PLX_BIT(1)
#define IGB_TCTL_PSP PLX_BIT(3)
#define IGB_TCTL_CT_MASK (0xffu << 4)
#define IGB_TCTL_CT_SHIFT 4
#define IGB_TCTL_COLD_MASK (0x3ffu << 12)
#define IGB_TCTL_COLD_SHIFT 12
#define IGB_TCTL_RTLC PLX_BIT(24)
#define IGB_TCTL_EXT 0x0404u
#define IGB_TIPG 0x0410u
#define IGB_TXPBS 0x3404u
#define IGB_DTXCTL 0x3590u
#define IGB_DTXMXPKTSZ 0x355cu
#define IGB_TDBAL(q) (0xe000u + 0x40u * (q))
#define IGB_TDBAH(q) (0xe004u + 0x40u * (q))
#define IGB_TDLEN(q) (0xe008u + 0x40u * (q))
#define IGB_TDH(q) (0xe010u + 0x40u * (q))
#define IGB_DCA_TXCTRL(q) (0xe014u + 0x40u * (q))
#define IGB_TDT(q) (0xe018u + 0x40u * (q))
#define IGB_TXDCTL(q) (0xe028u + 0x40u * (q))
#define IGB_TDWBAL(q) (0xe038u + 0x40u * (q))
#define IGB_TDWBAL_ENABLE PLX_BIT(0)
#define IGB_TDWBAH(q) (0xe03cu + 0x40u * (q))
#define IGB_FCAL 0x0028u
#define IGB_FCAH 0x002cu
#define IGB_FCT 0x0030u
#define IGB_FCTTV 0x0170u
#define IGB_FCRTL 0x2160u
#define IGB_FCRTL_XONE PLX_BIT(31)
#define IGB_FCRTH 0x2168u
#define IGB_FCRTV 0x2460u

/* ---- IEEE 1588: "Time Sync Register Descriptions" ---- */
#define IGB_SYSTIML 0xb600u
#define IGB_SYSTIMH 0xb604u
#define IGB_TIMINCA 0xb608u
#define IGB_TIMINCA_ISGN PLX_BIT(31)
#define IGB_TIMADJL 0xb60cu
#define IGB_TIMADJH 0xb610u
#define IGB_TSYNCTXCTL 0xb614u
#define IGB_TSYNCRXCTL 0xb620u
#define IGB_TSYNCRXCTL_TYPE_SHIFT 1
#define IGB_TSYNCRXCTL_TYPE_MASK (7u << 1)
#define IGB_TSYNCRXCTL_TYPE_ALL 4u
#define IGB_TSYNCRXCTL_EN PLX_BIT(4)
#define IGB_TSAUXC 0xb640u
#define IGB_TSAUXC_DISABLE PLX_BIT(31) /* stops the clock */
#define IGB_TSICR 0xb66cu
#define IGB_SYSTIMR 0xb6f8u
#define IGB_TSYNCRXCFG 0x5f50u

/* ---- Statistics: "Statistics Register Descriptions"; names and kinds in hw_stats.c ---- */
#define IGB_STATS_FIRST 0x4000u
#define IGB_CRCERRS 0x4000u
#define IGB_ALGNERRC 0x4004u
#define IGB_SYMERRS 0x4008u
#define IGB_RXERRC 0x400cu
#define IGB_MPC 0x4010u
#define IGB_SCC 0x4014u
#define IGB_ECOL 0x4018u
#define IGB_MCC 0x401cu
#define IGB_LATECOL 0x4020u
#define IGB_COLC 0x4028u
#define IGB_DC 0x4030u
#define IGB_TNCRS 0x4034u
#define IGB_HTDPMC 0x403cu
#define IGB_RLEC 0x4040u
#define IGB_XONRXC 0x4048u
#define IGB_XONTXC 0x404cu
#define IGB_XOFFRXC 0x4050u
#define IGB_XOFFTXC 0x4054u
#define IGB_FCRUC 0x4058u
#define IGB_PRC64 0x405cu
#define IGB_PRC127 0x4060u
#define IGB_PRC255 0x4064u
#define IGB_PRC511 0x4068u
#define IGB_PRC1023 0x406cu
#define IGB_PRC1522 0x4070u
#define IGB_GPRC 0x4074u
#define IGB_BPRC 0x4078u
#define IGB_MPRC 0x407cu
#define IGB_GPTC 0x4080u
#define IGB_GORCL 0x4088u
#define IGB_GORCH 0x408cu
#define IGB_GOTCL 0x4090u
#define IGB_GOTCH 0x4094u
#define IGB_RNBC 0x40a0u
#define IGB_RUC 0x40a4u
#define IGB_RFC 0x40a8u
#define IGB_ROC 0x40acu
#define IGB_RJC 0x40b0u
#define IGB_MGTPRC 0x40b4u
#define IGB_MGTPDC 0x40b8u
#define IGB_MGTPTC 0x40bcu
#define IGB_TORL 0x40c0u
#define IGB_TORH 0x40c4u
#define IGB_TOTL 0x40c8u
#define IGB_TOTH 0x40ccu
#define IGB_TPR 0x40d0u
#define IGB_TPT 0x40d4u
#define IGB_PTC64 0x40d8u
#define IGB_PTC127 0x40dcu
#define IGB_PTC255 0x40e0u
#define IGB_PTC511 0x40e4u
#define IGB_PTC1023 0x40e8u
#define IGB_PTC1522 0x40ecu
#define IGB_MPTC 0x40f0u
#define IGB_BPTC 0x40f4u
#define IGB_TSCTC 0x40f8u
#define IGB_IAC 0x4100u
#define IGB_RPTHC 0x4104u
#define IGB_HGPTC 0x4118u
#define IGB_RXDMTC 0x4120u
#define IGB_HGORCL 0x4128u
#define IGB_HGORCH 0x412cu
#define IGB_HGOTCL 0x4130u
#define IGB_HGOTCH 0x4134u
#define IGB_LENERRS 0x4138u
#define IGB_SCVPC 0x4228u
/* Of a queue; not cleared by reading, wrap at 32 bits. */
#define IGB_PQGPRC(q) (0x10010u + 0x100u * (q))
#define IGB_PQGPTC(q) (0x10014u + 0x100u * (q))
#define IGB_PQGORC(q) (0x10018u + 0x100u * (q))
#define IGB_PQGOTC(q) (0x10034u + 0x100u * (q))
#define IGB_PQMPRC(q) (0x10038u + 0x100u * (q))

#endif
