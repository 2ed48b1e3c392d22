use super::*;

/// Reads the header in one piece, and then cut at every byte. All must agree.
fn read(bytes: &[u8]) -> Result<Option<(Proxied, usize)>, ProxyFault> {
    let whole = ProxyHeader::default().read(bytes);
    for cut in 0..=bytes.len() {
        let (first, rest) = bytes.split_at(cut);
        let mut header = ProxyHeader::default();
        let outcome = match header.read(first) {
            Ok(None) => header
                .read(rest)
                .map(|done| done.map(|(proxied, n)| (proxied, cut + n))),
            early => early,
        };
        assert_eq!(outcome, whole, "cut at {cut}");
    }
    whole
}

/// A header of version 2 with this command, family and block.
fn binary(command: u8, family: u8, block: &[u8]) -> Vec<u8> {
    let mut bytes = SIGNATURE.to_vec();
    bytes.extend_from_slice(&[command, family]);
    bytes.extend_from_slice(&u16::try_from(block.len()).unwrap().to_be_bytes());
    bytes.extend_from_slice(block);
    bytes
}

fn tlv(kind: u8, value: &[u8]) -> Vec<u8> {
    let [high, low] = u16::try_from(value.len()).unwrap().to_be_bytes();
    [&[kind, high, low], value].concat()
}

fn peer(addr: &str) -> Proxied {
    Proxied::Peer(addr.parse().unwrap())
}

const V4: [u8; 12] = [192, 0, 2, 7, 10, 0, 0, 1, 0x12, 0x34, 0x1b, 0x58];

/// The fields that AWS sends for a connection from a VPC endpoint, and HAProxy for one that came by TLS.
fn cloud_tlvs() -> Vec<u8> {
    let ssl = [
        &[0x05, 0, 0, 0, 0][..],
        &tlv(0x21, b"TLSv1.3"),
        &tlv(0x23, b"TLS_AES_128_GCM_SHA256"),
    ]
    .concat();
    [
        tlv(0xea, b"\x01vpce-08d2bf15fac5001c9"),
        tlv(0x20, &ssl),
        tlv(0x02, b"play.example.net"),
        tlv(0x04, &[0; 9]),
        tlv(0x05, &[]),
    ]
    .concat()
}

/// Fills in the checksum, whose field begins `behind` bytes before the end.
fn with_checksum(mut bytes: Vec<u8>, behind: usize) -> Vec<u8> {
    let mut sum = Tlvs::default();
    bytes.iter().for_each(|byte| sum.covers(*byte));
    let at = bytes.len() - behind;
    bytes[at..at + 4].copy_from_slice(&sum.checksum().to_be_bytes());
    bytes
}

#[test]
fn a_line_names_the_peer_and_leaves_what_comes_after_it() {
    for (line, proxied) in [
        (
            "PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000\r\n",
            peer("192.0.2.7:4660"),
        ),
        (
            "PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n",
            peer("255.255.255.255:65535"),
        ),
        (
            "PROXY TCP6 2001:db8::7 2001:db8::1 1 7000\r\n",
            peer("[2001:db8::7]:1"),
        ),
        ("PROXY UNKNOWN\r\n", Proxied::Unnamed),
        (
            "PROXY UNKNOWN ffff::1 ffff::2 65535 65535\r\n",
            Proxied::Unnamed,
        ),
        ("PROXY UNKNOWN \r \u{fffd}\r\n", Proxied::Unnamed),
    ] {
        let bytes = [line.as_bytes(), b"\0\0\0"].concat();
        assert_eq!(read(&bytes), Ok(Some((proxied, line.len()))), "{line}");
    }
}

#[test]
fn a_line_of_107_bytes_is_the_longest() {
    let of = |len: usize| {
        let filler = "x".repeat(len - "PROXY UNKNOWN \r\n".len());
        format!("PROXY UNKNOWN {filler}\r\n")
    };
    let longest = of(107);
    assert_eq!(read(longest.as_bytes()), Ok(Some((Proxied::Unnamed, 107))));
    assert_eq!(read(of(108).as_bytes()), Err(ProxyFault::Malformed));
    // Decided without its end.
    let endless = "PROXY UNKNOWN ".to_owned() + &"x".repeat(93);
    assert_eq!(read(endless.as_bytes()), Err(ProxyFault::Malformed));
}

#[test]
fn a_line_that_breaks_a_rule_is_malformed() {
    for line in [
        "PROXY TCP4 192.0.2.7 10.0.0.1 4660\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000 \r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000 1\r\n",
        "PROXY TCP4  192.0.2.7 10.0.0.1 4660 7000\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4660 7000\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 4660 65536\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 +466 7000\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1 0466 7000\r\n",
        "PROXY TCP4 192.0.2.7 10.0.0.1  7000\r\n",
        "PROXY TCP4 192.0.2.256 10.0.0.1 4660 7000\r\n",
        "PROXY TCP4 192.0.2 10.0.0.1 4660 7000\r\n",
        "PROXY TCP4 2001:db8::7 2001:db8::1 4660 7000\r\n",
        "PROXY TCP6 192.0.2.7 10.0.0.1 4660 7000\r\n",
        "PROXY TCP6 fe80::1%eth0 fe80::2 4660 7000\r\n",
        "PROXY UDP4 192.0.2.7 10.0.0.1 4660 7000\r\n",
        "PROXY tcp4 192.0.2.7 10.0.0.1 4660 7000\r\n",
        "PROXY UNKNOWNS\r\n",
        "PROXY \r\n",
    ] {
        assert_eq!(read(line.as_bytes()), Err(ProxyFault::Malformed), "{line}");
    }
}

#[test]
fn bytes_that_begin_no_header_are_known_at_the_first_wrong_one() {
    for bytes in [
        &b"G"[..],
        b"PROXX",
        b"PROXYT",
        b"\r\n\r\n\0\r\nQUIT\r",
        b"\r\nh",
        b"\0",
        b"\x16",
    ] {
        let right = &bytes[..bytes.len() - 1];
        let fine = ProxyHeader::default().read(right);
        assert_eq!(fine, Ok(None), "{right:?}");
        assert_eq!(read(bytes), Err(ProxyFault::Missing), "{bytes:?}");
    }
}

#[test]
fn a_binary_header_names_the_peer_of_either_transport() {
    for family in [0x11, 0x12] {
        let bytes = [binary(PROXY, family, &V4), b"rest".to_vec()].concat();
        let expected = Ok(Some((peer("192.0.2.7:4660"), 28)));
        assert_eq!(read(&bytes), expected);
    }
    let ip: [u8; 16] = "2001:db8::7".parse::<Ipv6Addr>().unwrap().octets();
    let v6 = [&ip[..], &[0; 16], &[0x12, 0x34, 0, 80]].concat();
    for family in [0x21, 0x22] {
        let expected = Ok(Some((peer("[2001:db8::7]:4660"), 52)));
        assert_eq!(read(&binary(PROXY, family, &v6)), expected);
    }
}

#[test]
fn a_binary_header_may_name_no_peer_or_be_the_proxys_own() {
    let cases = [
        (PROXY, 0x00, vec![], Proxied::Unnamed),
        (PROXY, 0x00, vec![7; 300], Proxied::Unnamed),
        (PROXY, 0x31, vec![b'/'; 216], Proxied::Unnamed),
        (
            PROXY,
            0x32,
            [vec![b'/'; 216], cloud_tlvs()].concat(),
            Proxied::Unnamed,
        ),
        (LOCAL, 0x00, vec![], Proxied::Probe),
        (LOCAL, 0x11, V4.to_vec(), Proxied::Probe),
        (LOCAL, 0xff, vec![1, 2], Proxied::Probe),
    ];
    for (command, family, block, proxied) in cases {
        let bytes = binary(command, family, &block);
        assert_eq!(read(&bytes), Ok(Some((proxied, bytes.len()))), "{family}");
    }
}

#[test]
fn fields_are_skipped_and_the_checksum_among_them_is_checked() {
    let plain = binary(PROXY, 0x11, &[&V4[..], &cloud_tlvs()].concat());
    let done = |bytes: &[u8]| Ok(Some((peer("192.0.2.7:4660"), bytes.len())));
    assert_eq!(read(&plain), done(&plain));
    for after in [&[][..], &cloud_tlvs()] {
        let block = [&V4[..], &cloud_tlvs(), &tlv(0x03, &[0; 4]), after].concat();
        let summed = with_checksum(binary(PROXY, 0x11, &block), 4 + after.len());
        assert_eq!(read(&summed), done(&summed));
        // A field of another type is no checksum.
        let kind = summed.len() - after.len() - 4 - 3;
        for at in (28..summed.len()).filter(|at| *at != kind) {
            let mut wrong = summed.clone();
            wrong[at] ^= 0x10;
            assert!(read(&wrong).is_err(), "byte {at}");
        }
    }
}

#[test]
fn the_checksum_of_the_usual_test_text_is_right() {
    let mut sum = Tlvs::default();
    b"123456789".iter().for_each(|byte| sum.covers(*byte));
    assert_eq!(sum.checksum(), 0xe306_9283);
}

#[test]
fn a_binary_header_that_breaks_a_rule_is_malformed() {
    let crc = tlv(0x03, &[0; 4]);
    let blocks = [
        (0x11, [&V4[..], &[0xea]].concat()),
        (0x11, [&V4[..], &[0xea, 0]].concat()),
        (0x11, [&V4[..], &[0xea, 0, 2, 1]].concat()),
        (0x11, [&V4[..], &tlv(0x03, &[0; 3])].concat()),
        (0x11, [&V4[..], &crc, &crc].concat()),
        (0x11, V4[..11].to_vec()),
        (0x21, V4.to_vec()),
        (0x31, vec![0; 215]),
        (0x10, V4.to_vec()),
        (0x13, V4.to_vec()),
        (0x01, vec![]),
        (0x41, V4.to_vec()),
    ];
    for (family, block) in blocks {
        let bytes = binary(PROXY, family, &block);
        assert_eq!(read(&bytes), Err(ProxyFault::Malformed), "{bytes:?}");
    }
    for command in [0x22, 0x2f, 0x11, 0x31, 0x00] {
        let bytes = binary(command, 0x11, &V4);
        assert_eq!(read(&bytes), Err(ProxyFault::Malformed), "{command}");
    }
}

#[test]
fn the_longest_header_is_read_without_keeping_it() {
    let filler = vec![0; 65_535 - 12 - 3];
    let bytes = binary(PROXY, 0x11, &[&V4[..], &tlv(0x04, &filler)].concat());
    let done = ProxyHeader::default().read(&bytes);
    assert_eq!(done, Ok(Some((peer("192.0.2.7:4660"), 65_551))));
    assert!(size_of::<ProxyHeader>() <= 144);
}
