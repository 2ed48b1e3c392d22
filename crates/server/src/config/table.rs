//! Every key of the configuration, with its type, default, unit, range and causes. This is the only source of these
//! words: the types, their documentation, `config/lastword.toml`, `docs/configuration.md` and the errors come from it.

#[macro_use]
mod expand;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;

use lastword_session::{Address, Cause};
use serde::Deserialize;

use super::keys::{Allowed, Key, Section};
use super::{Config, Network, Token};
use crate::tls::CertificateFiles;

sections! {
    /// Where connections are accepted. There may be several of these tables, one for each listener.
    struct ListenConfig at [listen] {
        /// Where connections are accepted; `[::]` takes IPv4 and IPv6. Port 0 takes a free port. The addresses of all
        /// listeners, `admin.listen` and `admin.metrics_listen` must differ.
        addr: SocketAddr = SocketAddr::from((Ipv4Addr::LOCALHOST, 7000)) => "\"127.0.0.1:7000\"",
            "address and port", "an address and a port, such as \"0.0.0.0:7000\" or \"[::]:7000\"", [],
            "a host name is not looked up: write its address";

        /// How many connections may wait for accept; the kernel caps it at `net.core.somaxconn`. The kernel drops or
        /// refuses further connections before this server hears of them.
        backlog: u32 = 4096, "connections", (1..=65535), [],
            "the kernel caps it at net.core.somaxconn";

        /// The wires that clients may speak here. `native` is the wire of the server: that of `docs/wire.md`, or the
        /// game's own, if it has set one.
        accept: Vec<Wire> = vec![Wire::Native] => "[\"native\"]", "list of wires",
            "a list of one or more of: \"native\"", [],
            "write [\"native\"]";

        /// Whether every peer of this listener is a proxy. A proxy's kernel still answers after its player has gone. So a
        /// silence that passes the dead limit is then always `peer_silent`.
        behind_proxy: bool = false, "none", ["true", "false"], [PeerSilent],
            "true if all peers are proxies";

        /// The proxies that send a PROXY header, version 1 or 2, in front of each connection. With a list, every
        /// connection must come from one of them and begin with a header. The address in the header is then the
        /// player's everywhere: for the authenticator, in records, logs and lists. A header without an internet address
        /// (`UNKNOWN`, `UNSPEC`, `AF_UNIX`) leaves the proxy's address. `LOCAL`, a health check, is `peer_probe`.
        /// `behind_proxy` follows. The lists and the limits per address of `[admission]` look at the address in the header,
        /// and never at the proxy's. List only proxies: every address in the list can choose the address of its players.
        proxy: Vec<Network> = Vec::new() => "[]", "list of networks",
            "networks such as \"10.0.0.0/8\" or \"2001:db8::1\"", [ProxyHeaderInvalid, PeerSilent],
            "write the addresses from which your balancer connects, such as [\"10.0.0.0/8\"]", at reload;

        /// The certificates, each with its key, in PEM. With a list, every connection must speak TLS 1.2 or 1.3. The name
        /// that a client asks for chooses among them; else it gets the first. A certificate is followed by those that lead
        /// to its root. Files that change are read again.
        tls: Vec<CertificateFiles> = Vec::new() => "[]", "list of files",
            "pairs such as { certificate = \"cert.pem\", key = \"key.pem\" }", [TlsFailed, TlsTimeout, TlsTruncated],
            "write [{ certificate = \"cert.pem\", key = \"key.pem\" }]", at reload;
    }

    /// Which connections are let in, over all listeners.
    struct AdmissionConfig at admission {
        /// How many connections may be open at a time. Each takes a file descriptor. A connection that only says goodbye
        /// does not count, and stays for at most `timeouts.linger_ms`. As many of them as this limit may stay after their
        /// session has ended, and 32 that never became a session; further ones close at once. A refused client does not
        /// count either. It reads why, and when to come back, and stays for at most 2 s. At most 256 refused clients stay
        /// at a time, 64 on listeners with TLS; further ones are reset.
        connections_max: u32 = 10000, "connections", (1..=10000000), [ServerFull],
            "each takes a file descriptor", at reload;

        /// The networks from which connections are let in; an empty list lets all in.
        allow: Vec<Network> = Vec::new() => "[]", "list of networks",
            "a list of addresses and networks, such as [\"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\"]", [AddressDenied],
            "write each as an address, or as an address and the length of its prefix", at reload;

        /// The networks from which no connection is let in, even if `allow` has them.
        deny: Vec<Network> = Vec::new() => "[]", "list of networks",
            "a list of addresses and networks, such as [\"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\"]", [AddressDenied],
            "write each as an address, or as an address and the length of its prefix", at reload;

        /// The networks to which the limits below do not apply, such as those of health checks. Their connections still
        /// need a place (`connections_max`). The limits per address do not apply to a listener with `behind_proxy`
        /// either: many players have the proxy's address.
        exempt: Vec<Network> = loopback() => "[\"127.0.0.0/8\", \"::1\"]", "list of networks",
            "a list of addresses and networks, such as [\"192.0.2.7\", \"10.0.0.0/8\", \"2001:db8::/32\"]", [],
            "write each as an address, or as an address and the length of its prefix", at reload;

        /// How many leading bits of an IPv4 address make it one address for the limits per address.
        ipv4_prefix_bits: u32 = 32, "bits", (8..=32), [AddressLimit],
            "32, unless your attackers have whole networks of IPv4";

        /// How many leading bits of an IPv6 address make it one address for the limits per address. A home usually has
        /// 64 bits of its own to choose from.
        ipv6_prefix_bits: u32 = 64, "bits", (16..=128), [AddressLimit],
            "64, or 48 or 56 where your attackers have larger networks";

        /// How many connections of one address may be open at a time. Players behind one router share an address.
        address_connections_max: u32 = 64, "connections", (0 "no limit", 1..=1000000), [AddressLimit],
            "as many as players share an address: a school, a mobile carrier", at reload;

        /// How many new connections of one address are let in a second, after `address_burst_max` at once.
        address_rate_max: u32 = 20, "connections a second", (0 "no limit", 1..=1000000), [AddressLimit],
            "as many as players behind one address come back in a second", at reload;

        /// How many new connections of one address are let in at once.
        address_burst_max: u32 = 100, "connections", (1..=1000000), [AddressLimit],
            "as many as players behind one address come back at once", at reload;

        /// How many new connections of all addresses together are let in a second. Many players come back at once after
        /// an outage, and an attacker with many addresses can use up this rate for them. So it is off by default.
        rate_max: u32 = 0, "connections a second", (0 "no limit", 1..=1000000), [Overloaded],
            "more than the players that come back in a second after an outage", at reload;

        /// How many connections that are not authenticated yet may be open at a time.
        handshakes_max: u32 = 256, "connections", (0 "no limit", 1..=1000000), [Overloaded],
            "as many as come in a second, times the seconds that an authentication takes", at reload;

        /// How much memory the connections that are not authenticated yet may take together. Each counts with the longest
        /// hello (`limits.hello_bytes_max`) and 1 KiB.
        unauthenticated_bytes_max: u32 = 67108864, "bytes", (65536..=4294967295), [Overloaded],
            "handshakes_max times limits.hello_bytes_max, and some", at reload;

        /// How much resident memory this process may have. The server reads its memory, its stalls (`stall_ms_max`) and
        /// its free descriptors (`free_descriptors_min`) every quarter of a second. If one of them is beyond its limit,
        /// the server is not ready (`/readyz`). After three such readings in a row it also refuses connections. After two
        /// seconds within all limits it is ready and accepts again.
        memory_mib_max: u32 = 0, "MiB", (0 "off", 1..=4194304), [Overloaded],
            "less than the memory at which this process is killed", at reload;

        /// For how much of each second this process may stand still, because it is starved or its threads are blocked.
        /// A single long stop does not count.
        stall_ms_max: u32 = 500, "milliseconds", (0 "off", 50..=1000), [Overloaded],
            "as much delay as the game bears", at reload;

        /// How many file descriptors must be free.
        free_descriptors_min: u32 = 64, "descriptors", (0 "off", 1..=1000000), [Overloaded],
            "as many as the game may need at once", at reload;

        /// How many authentications may run at a time. Further ones wait, within `timeouts.auth_ms`.
        authentications_max: u32 = 256, "authentications", (1..=1000000), [AuthTimeout],
            "as many as the authenticator can serve at a time";
    }

    /// How many sessions a player may have.
    struct SessionsConfig at sessions {
        /// The effect of a login while its player has another session here. `replace`: the earlier session ends as
        /// `replaced_by_login`, and the new one joins once the game was told, after a second at most. `refuse`: the later
        /// login reads `already_logged_in`, unless the earlier session is suspect or ending: then it is replaced, so that
        /// a dead session locks no player out. `allow`: both are live. `auto`: `replace` where the game has an
        /// authenticator of its own, else `allow`. A name on a client's word must end no session. Players without a name
        /// are never the same player. One login waits at a time for each player. With `replace` the latest waits, and
        /// an earlier one that still waits reads `already_logged_in`.
        second_login: SecondLogin = SecondLogin::Auto => "\"auto\"", "none", ["auto", "replace", "refuse", "allow"],
            [AlreadyLoggedIn, ReplacedByLogin],
            "leave it at auto, unless a player may play on two devices at once";

        /// The frames that all sessions without a connection may hold together, in bytes: those that the game sends
        /// meanwhile, and those that may have to be written again. Over it a `send` to such a session fails as
        /// `QueueFull`. A session whose connection is lost then keeps no frames that may have to be written again. If its
        /// player needs one, it cannot come back, and reads `resume_refused`.
        held_bytes_max: u32 = 536870912, "bytes", (0..=4294967295), [ResumeRefused],
            "it is memory that attackers may fill, up to outbound_bytes_max a session";
    }

    /// How much one connection may send, and how much may wait for it.
    struct LimitsConfig at limits {
        /// How long a hello may be. It must be large enough for the longest credentials. The server allocates nothing
        /// for a longer one.
        hello_bytes_max: u32 = 4096, "bytes", (1024..=65536), [FrameTooLarge],
            "it has to hold the longest credentials", at reload;

        /// How long the payload of a data frame may be. The server allocates nothing for a longer one.
        frame_bytes_max: u32 = 65536, "bytes", (1024..=16777215), [FrameTooLarge],
            "it has to hold the longest message";

        /// How long the payload of a data frame of the game may be; a longer one is refused. A client that accepts less
        /// lowers it for its session.
        outbound_frame_bytes_max: u32 = 65536, "bytes", (1024..=16777215), [],
            "it has to hold the longest message of the server";

        /// How many payload bytes may wait in a session for the game; at least `frame_bytes_max`. At this limit,
        /// reading pauses, and the peer's kernel holds the rest.
        inbox_bytes_max: u32 = 65536, "bytes", (1024..=1073741824), [],
            "at least limits.frame_bytes_max";

        /// How many frames may wait in a session for the game. At this limit, reading pauses.
        inbox_frames_max: u32 = 256, "frames", (1..=65536), [],
            "as many as one session sends between two ticks";

        /// How many payload bytes of all sessions together may wait for a tick loop. At this limit, reading pauses. The
        /// tick may hold the same amount in addition.
        events_bytes_max: u32 = 67108864, "bytes", (65536..=1073741824), [],
            "as many as all sessions together send between two ticks";

        /// How many frames of all sessions together may wait for a tick loop. At this limit, reading pauses. While the
        /// game does not tick, joins and departures wait, too. When they are twice as many as connections may be open,
        /// the server stops admitting players.
        events_frames_max: u32 = 262144, "frames", (1024..=16777216), [AuthTimeout],
            "as many as all sessions together send between two ticks";

        /// How much may wait in a session to be written; at least `outbound_frame_bytes_max` and 4 bytes of header. As
        /// much again may wait for its first write. A frame over that is refused. If the kernel then refuses a write while
        /// more than this limit waits, the peer reads too slowly and is closed. A peer that is silent is not closed for
        /// this; its dead limit decides. At half of the limit the game is told that the session is congested. Frames that
        /// may be dropped end no session.
        outbound_bytes_max: u32 = 262144, "bytes", (1028..=1073741824), [SendQueueFull],
            "at least limits.outbound_frame_bytes_max plus 4 bytes of header";
    }

    /// How much each live client may send. Over its rate, reading pauses: the client is slowed to the rate, and the game is
    /// told. A client that stays over it is closed. Choose twice the most that a healthy client sends, or more.
    struct RatesConfig at rates {
        /// How many frames a client may send in a second. A frame of any kind costs one, also an empty one. A ping costs
        /// two, since the server answers it. Frames that the wire asks for cost nothing: two pings in each heartbeat,
        /// answers to the server's pings, acks of new frames.
        frames_per_second: u32 = 0, "frames", (0 "off", 1..=1000000), [RateLimited],
            "twice the most that a healthy client sends, or more";

        /// How many frames a client may send at once, after it has sent less than its rate for a while. 0 is the frames of
        /// one second. The least is a quarter of a second's frames, because a pause lasts up to 0.1 s.
        frames_burst: u32 = 0, "frames", (0 "one second", 1..=10000000), [RateLimited],
            "as many as a healthy client sends at once, after a loading screen for example";

        /// How many bytes a client may send in a second, headers included.
        bytes_per_second: u32 = 0, "bytes", (0 "off", 1024..=1073741824), [RateLimited],
            "twice the most that a healthy client sends, or more";

        /// How many bytes a client may send at once, after it has sent less than its rate for a while. 0 is the bytes of one
        /// second, or the longest frame if that is longer. The longest frame has `limits.frame_bytes_max` and 4 bytes of
        /// header. The burst is at least that long, and at least a quarter of a second's bytes.
        bytes_burst: u32 = 0, "bytes", (0 "one second", 1028..=2147483647), [RateLimited],
            "as many as a healthy client sends at once, an upload for example";

        /// How long a client may stay over its rate. The time begins when its bytes have to wait, and ends when everything
        /// that the client has sent has been read. So a client may send at once: one burst, and what the rate allows in
        /// this time. A longer upload has to keep to the rate.
        over_ms: u32 = 10000, "milliseconds", (0 "never closed", 1000..=600000), [RateLimited],
            "longer than an honest burst takes at the rate", hasty 300;
    }

    /// How long each part of a connection's life may take.
    struct TimeoutsConfig at timeouts {
        /// How long a connection may take until its PROXY header is complete, where `listen.proxy` asks for one.
        proxy_ms: u32 = 2000, "milliseconds", (100..=600000), [ProxyHeaderInvalid],
            "as long as your balancer needs; it sends the header at once", hasty 300, at reload;

        /// How long a connection may take until its TLS handshake is complete, where `listen.tls` asks for one.
        tls_ms: u32 = 5000, "milliseconds", (100..=600000), [TlsTimeout],
            "as long as your slowest player needs; an attacker can use all of it", hasty 300, at reload;

        /// How long a connection may take until its hello is complete.
        hello_ms: u32 = 5000, "milliseconds", (100..=600000), [HelloTimeout],
            "as long as your slowest player needs; an attacker can use all of it", hasty 300, at reload;

        /// How long the authenticator may take, including the wait for its turn.
        auth_ms: u32 = 5000, "milliseconds", (100..=600000), [AuthTimeout],
            "as long as the slowest authentication takes", hasty 300, at reload;

        /// How long a frame may take from its first byte to its last, or to its next KiB.
        frame_ms: u32 = 10000, "milliseconds", (100..=600000), [FrameTimeout],
            "as long as your slowest player needs; an attacker can use all of it", hasty 300, at reload;

        /// How long writing our last frames may take, and then again how long the peer's FIN may take after them. The
        /// cause is fixed before; this time only says how long a closed connection is kept. If the peer's FIN comes
        /// first, this is the time for the data that we have not sent yet. Data that the peer's kernel has not
        /// acknowledged by then counts as refused.
        linger_ms: u32 = 3000, "milliseconds", (100..=600000), [PeerClosedWhileSending],
            "as long as your slowest player needs; an attacker can use all of it", hasty 300, at reload;

        /// How old the oldest frame in the send queue may become. A peer that is silent is not closed for this; its dead
        /// limit decides. At half of that age the game is told. Frames that may be dropped are dropped at that age. The age
        /// of a frame that a newer one may replace does not count.
        outbound_age_ms: u32 = 5000, "milliseconds", (0 "off", 100..=600000), [SendQueueStale],
            "the age from which a message is of no use", hasty 300, at reload;

        /// How long the kernel of a client that still sends may accept none of the data that waits for the client.
        /// After that time, the client's next byte ends the connection; if no byte comes, the silence decides. Time in
        /// which we do not read does not count. A client that was suspect because of its silence gets this time again,
        /// once.
        write_progress_ms: u32 = 10000, "milliseconds", (0 "off", 1000..=600000), [PeerNotReading],
            "the longest time that a healthy client reads nothing";

        /// How long a player may send no frame of the game; heartbeats do not count.
        idle_ms: u32 = 0, "milliseconds", (0 "off", 1000..=86400000), [Idle],
            "the longest time that a player may be inactive", hasty 3601;

        /// How long the end of a session waits for a game that has taken frames to take the next one, and to come back
        /// for more. At most `linger_ms`; a higher value has no effect. A game that has taken no frame at all is waited
        /// for 150 ms. A kick or a close by the game ends the wait. The remaining frames are then counted as
        /// undelivered, but they can still be taken.
        delivery_ms: u32 = 3000, "milliseconds", (100..=600000), [],
            "how long the game may stall without losing what came before an end", hasty 300, at reload;
    }

    /// How the server shuts down.
    struct DrainConfig at drain {
        /// How much time sessions have to leave after SIGTERM. Choose less than the time after which the service
        /// manager kills the server: systemd's `TimeoutStopSec`, Kubernetes' `terminationGracePeriodSeconds`. A session
        /// that leaves or is closed in time is `drained`. Meanwhile new connections are refused.
        timeout_ms: u32 = 30000, "milliseconds", (0..=86400000), [Drained, DrainExpired, RefusedDraining],
            "less than the service manager waits before it kills the server", hasty 1000, at reload;

        /// The words for players. They are in the notice, in the goodbye, and in the refusal of a new connection.
        reason: String = "the server is shutting down".to_owned() => "\"the server is shutting down\"",
            "text", "at most 512 bytes", [],
            "write one sentence that a player understands", at reload;

        /// The server to which clients shall go: they are told `elsewhere`. Without an address they are told
        /// `after_delay`: they may reconnect after `delay_ms`. Clients of this project connect to a host and a port.
        address: Option<Address> as "super::drain::address_or_empty" = None => "\"\"",
            "address", "\"\" (none), or 1 to 255 bytes without white space, such as \"eu2.example.net:7000\"", [],
            "write a host and a port that clients can reach", at reload;

        /// The least time before a client that was told to leave connects again. It then waits for a random time of up
        /// to the same length, so that clients do not return together.
        delay_ms: u32 = 2000, "milliseconds", (0..=86400000), [],
            "how long the restart takes, or how fast the other server can take the players", hasty 300, at reload;
    }

    /// How a peer's silence is judged.
    struct LivenessConfig at liveness {
        /// The profile of every player to whom the authenticator gives no other profile. A profile sets how often a
        /// client must send. It also sets when a silent client is suspected and given up, by us and by the kernel. The
        /// listener has this profile's socket options. A player with another profile gets the options of that profile
        /// when let in.
        profile: String = "standard".to_owned() => "\"standard\"", "name of a profile",
            "competitive, standard, mobile, background, debugger, or a name under [liveness.profiles]",
            [PathDead, PathDeadOutbound, LocalNetworkDown, PeerFrozen, PeerSilent],
            "standard suits most games";
        +
        /// The game's own profiles, and built-in ones that the game changes. At most 8 profiles have a name, the
        /// built-in ones included.
        profiles: BTreeMap<String, ProfileConfig>;
    }

    /// A profile of your own. A key that is left out has the value of the built-in profile of the same name, or else
    /// the value of `standard`, which is shown here. At most 8 profiles have a name, the built-in ones included.
    struct ProfileConfig at "liveness.profiles.NAME" {
        /// How long a client may send nothing; the server sends this value in its welcome. Below 1000 it also sets how
        /// many pings, pongs and acks a client may send: 2 in each heartbeat. From 1000 on the limit is always 2 a
        /// second.
        heartbeat_ms: Option<u32> = None => "5000", "milliseconds", (100..=600000), [PingFlood],
            "how often a player's network can send";

        /// After how much silence the peer is suspect; at least 1.5 heartbeats. From then on the silence decides how
        /// the session ends, and no longer its send queue. A suspect peer may become healthy again.
        suspect_ms: Option<u32> = None => "7500", "milliseconds", (150..=900000), [],
            "at least 1.5 heartbeats";

        /// After how much silence the connection ends. If the peer's kernel answers again after an outage, its process
        /// has up to twice this time and a second. At least `suspect_ms` + 2500, the time needed to tell causes apart.
        /// With 0 only the kernel gives up a connection, and a frozen peer is not found. A client may send 16
        /// pings, pongs and acks at once, and one more for each second of this value; 80 with 0.
        dead_ms: Option<u32> = None => "15000", "milliseconds", (0 "never", 2650..=922600),
            [PathDead, PathDeadOutbound, LocalNetworkDown, PeerFrozen, PeerSilent, PingFlood],
            "at least suspect_ms + 2500";

        /// How long a session whose connection is lost waits for its player. The player may come back in this time, and
        /// misses nothing. Otherwise the session departs at its end as `resume_expired`. With 0, and for clients that
        /// cannot come back, the session departs with its connection. How soon a loss is noticed does not depend on it.
        resume_window_ms: Option<u32> = None => "60000", "milliseconds", (0..=86400000), [SupersededByResume],
            "0 turns resume off", hasty 1000;

        /// The longest time between two retransmissions (`TCP_RTO_MAX_MS`, from Linux 6.15). If it is too high, a link
        /// that comes back is retried too late. If it is so low that the kernel would give up before `dead_ms`, the
        /// server refuses it.
        rto_max_ms: Option<u32> = None => "1200", "milliseconds", (0 "the kernel's default", 1000..=120000),
            [PathDead], "high enough that the kernel does not give up before dead_ms";
    }

    /// The socket options that are set in the kernel.
    struct KernelConfig at kernel {
        /// Whether the kernel probes silent peers (`SO_KEEPALIVE`), from the suspect limit of each profile to 5 s after
        /// its dead limit (65 s where it has none). With `false` only heartbeats find the dead path of an idle
        /// connection. It is never found if the client sends no heartbeats, or if the profile's `dead_ms` is 0.
        keepalive: bool = true, "none", ["true", "false"], [PathDead],
            "leave it true, except to test detection by heartbeats alone";

        /// Whether the profiles' `rto_max_ms` is set on kernels that have the option. `off` behaves like kernels before
        /// Linux 6.15: outages longer than about 40 % of `dead_ms` may end the connection.
        rto_max: RtoMax = RtoMax::Auto => "\"auto\"", "none", ["auto", "off"], [PathDead, PeerSilent],
            "leave it at auto, except to test the behaviour of kernels without TCP_RTO_MAX_MS";
    }

    /// The names that become labels of metrics.
    struct MetricsConfig at metrics {
        /// The cohorts that the authenticator may give players, such as their platform. They are a label of the
        /// disconnect counters. `none` is reserved for players without a cohort. A player with a cohort that is not
        /// listed counts as `none`. Each such name is logged once, and counted in `lastword_unknown_names_total`.
        cohorts: Vec<String> = Vec::new() => "[]", "list of names",
            "at most 16 names of 1 to 32 characters of a to z, 0 to 9 and _", [],
            "write a list of names, such as [\"console\", \"pc\"]";

        /// The game's own codes for kicks, closes and refusals that `lastword_game_closes_total` tells apart. Other
        /// codes, and ends without a code, are counted as `undeclared`.
        game_codes: Vec<u16> = Vec::new() => "[]", "list of codes",
            "at most 64 different codes from 4096 to 65535", [],
            "write a list of codes, such as [4096, 4100]";
    }

    /// Where metrics, health, the record of closes and the live page are served.
    struct AdminConfig at admin {
        /// Where the live page, `/api`, `/metrics`, `/healthz` and `/readyz` are served. They show names and addresses
        /// of players. On loopback they need a token only if one is configured; any other address needs one.
        listen: Option<SocketAddr> as "super::optional::addr_or_empty" =
            Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))) => "\"127.0.0.1:9464\"",
            "address and port", "\"\" (off), or an address and a port, such as \"127.0.0.1:9464\"", [],
            "a host name is not looked up: write its address";

        /// A second address for `/metrics`, `/healthz` and `/readyz`, which show no player. Every client may read them
        /// there without a token: it is for scrapers, balancers and orchestrators.
        metrics_listen: Option<SocketAddr> as "super::optional::addr_or_empty" = None => "\"\"",
            "address and port", "\"\" (off), or an address and a port, such as \"127.0.0.1:9464\"", [],
            "a host name is not looked up: write its address";

        /// The token that clients of `admin.listen` must send for everything except `/healthz` and `/readyz`:
        /// `Authorization: Bearer TOKEN`. The page asks for it. Without a token, kick, drain and reload are off there. Anyone
        /// who can read this file can read the token, so prefer `admin.token_file`.
        token: Option<Token> as "super::optional::token_or_empty" = None => "\"\"",
            "none", "\"\" (none), or 16 to 256 visible ASCII characters", [Kicked, Drained],
            "make one with `openssl rand -hex 32`; better in a file of its own, with admin.token_file";

        /// A file with the token, instead of `admin.token`. The server reads it at the start, and refuses to start if
        /// the file is missing or contains anything else. White space around the token is ignored.
        token_file: Option<PathBuf> as "super::optional::path_or_empty" = None => "\"\"",
            "path", "\"\" (none), or the path of a file", [Kicked, Drained],
            "the file holds the token and nothing else";
    }
}

fn loopback() -> Vec<Network> {
    let [v4, v6] = [
        IpAddr::from(Ipv4Addr::LOCALHOST),
        Ipv6Addr::LOCALHOST.into(),
    ];
    vec![Network::of(v4, 8), Network::of(v6, 128)]
}

/// A wire that clients of a listener may speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Wire {
    /// The wire of the server: [`Builder::framing`](crate::Builder::framing) sets it, and the default is the native one.
    Native,
}

/// The effect of a login while its player has another session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SecondLogin {
    /// [`Replace`](Self::Replace) where the game has an authenticator of its own, else [`Allow`](Self::Allow).
    #[default]
    Auto,
    /// The earlier session ends as `replaced_by_login`, and the new one joins once the game was told.
    Replace,
    /// The later login reads `already_logged_in`, unless the earlier session is suspect or ending.
    Refuse,
    /// Both sessions are live.
    Allow,
}

/// Whether `TCP_RTO_MAX_MS` is set to the profile's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtoMax {
    /// It is set if the kernel has it (Linux 6.15). Without loss, an outage then ends nothing that is shorter than the
    /// dead limit less a heartbeat and a second.
    #[default]
    Auto,
    /// It is never set: a link that comes back may be retried too late, which ends as `path_dead`.
    Off,
}
