//! Names of numbers that are the same on every machine, as `ss` reads and prints them: ethertypes and
//! netlink protocols.

/// Ethertypes (`include/uapi/linux/if_ether.h`), host byte order. Of several names for a number the
/// first is the one to print.
const ETHERTYPES: [(&str, u16); 56] = [
    ("802_3", 0x0001),
    ("802.3", 0x0001),
    ("ax25", 0x0002),
    ("all", 0x0003),
    ("802_2", 0x0004),
    ("802.2", 0x0004),
    ("snap", 0x0005),
    ("ddcmp", 0x0006),
    ("wan_ppp", 0x0007),
    ("ppp_mp", 0x0008),
    ("localtalk", 0x0009),
    ("can", 0x000c),
    ("ppptalk", 0x0010),
    ("tr_802_2", 0x0011),
    ("tr_802.2", 0x0011),
    ("mobitex", 0x0015),
    ("control", 0x0016),
    ("irda", 0x0017),
    ("econet", 0x0018),
    ("loop", 0x0060),
    ("pup", 0x0200),
    ("pupat", 0x0201),
    ("ip", 0x0800),
    ("ipv4", 0x0800),
    ("x25", 0x0805),
    ("arp", 0x0806),
    ("bpq", 0x08ff),
    ("ieeepup", 0x0a00),
    ("ieeepupat", 0x0a01),
    ("dec", 0x6000),
    ("dna_dl", 0x6001),
    ("dna_rc", 0x6002),
    ("dna_rt", 0x6003),
    ("lat", 0x6004),
    ("diag", 0x6005),
    ("cust", 0x6006),
    ("sca", 0x6007),
    ("teb", 0x6558),
    ("rarp", 0x8035),
    ("atalk", 0x809b),
    ("aarp", 0x80f3),
    ("802.1Q", 0x8100),
    ("ipx", 0x8137),
    ("ipv6", 0x86dd),
    ("mpls_uc", 0x8847),
    ("mpls_mc", 0x8848),
    ("atmmpoa", 0x884c),
    ("ppp_disc", 0x8863),
    ("ppp_ses", 0x8864),
    ("atmfate", 0x8884),
    ("profinet", 0x8892),
    ("aoe", 0x88a2),
    ("ethercat", 0x88a4),
    ("802.1ad", 0x88a8),
    ("tipc", 0x88ca),
    ("LLDP", 0x88cc),
];

/// Netlink protocols (`include/uapi/linux/netlink.h`), by the names of `ss`, and the kernel's where
/// they differ. Of several names for a number the first is the one to print.
const NETLINK_PROTOCOLS: [(&str, u8); 24] = [
    ("rtnl", 0),
    ("route", 0),
    ("unused", 1),
    ("usersock", 2),
    ("fw", 3),
    ("tcpdiag", 4),
    ("sock_diag", 4),
    ("nflog", 5),
    ("xfrm", 6),
    ("selinux", 7),
    ("iscsi", 8),
    ("audit", 9),
    ("fiblookup", 10),
    ("connector", 11),
    ("nft", 12),
    ("netfilter", 12),
    ("ip6fw", 13),
    ("dec-rt", 14),
    ("uevent", 15),
    ("genl", 16),
    ("scsi-trans", 18),
    ("ecryptfs", 19),
    ("rdma", 20),
    ("crypto", 21),
];

/// The name of an ethertype, host byte order.
pub fn ethertype_name(number: u16) -> Option<&'static str> {
    name_of(&ETHERTYPES, number)
}

/// The ethertype with a name, in large letters or small; host byte order.
pub fn ethertype_named(name: &str) -> Option<u16> {
    let mut known = ETHERTYPES.iter();
    let found = known.find(|(known, _)| known.eq_ignore_ascii_case(name));
    found.map(|&(_, number)| number)
}

/// The name of a netlink protocol.
pub fn netlink_protocol_name(number: u8) -> Option<&'static str> {
    name_of(&NETLINK_PROTOCOLS, number)
}

/// The netlink protocol with a name.
pub fn netlink_protocol_named(name: &str) -> Option<u8> {
    let found = NETLINK_PROTOCOLS.iter().find(|(known, _)| *known == name);
    found.map(|&(_, number)| number)
}

/// Every name that [`netlink_protocol_named`] knows.
pub fn netlink_protocol_names() -> impl Iterator<Item = &'static str> {
    NETLINK_PROTOCOLS.iter().map(|&(name, _)| name)
}

fn name_of<T: Copy + PartialEq>(table: &[(&'static str, T)], number: T) -> Option<&'static str> {
    let found = table.iter().find(|&&(_, known)| known == number);
    found.map(|&(name, _)| name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_is_read_as_the_same_number() {
        for (name, number) in ETHERTYPES {
            assert_eq!(ethertype_named(name), Some(number), "{name}");
            let printed = ethertype_name(number).unwrap();
            assert_eq!(ethertype_named(printed), Some(number), "{name}");
        }
        for (name, number) in NETLINK_PROTOCOLS {
            assert_eq!(netlink_protocol_named(name), Some(number), "{name}");
            let printed = netlink_protocol_name(number).unwrap();
            assert_eq!(netlink_protocol_named(printed), Some(number), "{name}");
        }
    }

    #[test]
    fn names_are_those_of_ss() {
        let printed = [0x0001, 0x0800, 0x8100, 0x88cc, 0x9000].map(ethertype_name);
        let expected = [
            Some("802_3"),
            Some("ip"),
            Some("802.1Q"),
            Some("LLDP"),
            None,
        ];
        assert_eq!(printed, expected);
        let printed = [0, 4, 12, 17].map(netlink_protocol_name);
        assert_eq!(printed, [Some("rtnl"), Some("tcpdiag"), Some("nft"), None]);
        assert_eq!(ethertype_named("802.1q"), Some(0x8100));
        assert_eq!(netlink_protocol_named("RTNL"), None);
    }
}
