//! Guesses the intended value from one that does not fit, and tells the author how to write it.

use std::net::{IpAddr, SocketAddr};

use lastword_server::{Allowed, Key, Network};

/// Guesses the intended value from the text in the file: quoted, with a unit, or neither.
pub(super) fn advice(key: &Key, raw: &str) -> Option<String> {
    let raw = raw.trim();
    let word = raw.trim_matches(|c| QUOTES.contains(&c)).trim();
    match key.allowed {
        Allowed::Number { zero, .. } => off(word, zero)
            .or_else(|| number(key, word))
            .or_else(|| number_in_list(key, raw))
            .or_else(|| no_number(key, word)),
        Allowed::OneOf(words) => one_of(words, word),
        Allowed::Words(_) if is_addr(key) => addr(key, raw),
        Allowed::Words(_) if key.unit == "list of networks" => networks(raw),
        Allowed::Words(_) => quoted(key, raw),
    }
}

/// Reads a number that was written in quotes, with a unit, or in another unit than the key has.
fn number(key: &Key, word: &str) -> Option<String> {
    let (amount, unit) = amount(word)?;
    let kind = Kind::of(key);
    let (factor, name) = kind
        .units()
        .iter()
        .filter(|(names, ..)| names.contains(&unit.as_str()))
        .find_map(|(_, factor, name)| {
            let value = whole(amount * factor)?;
            key.allowed.holds(value).then_some((value, *name))
        })?;
    let write = format!("write {factor}");
    let is_bare = unit.is_empty() && !name.is_empty();
    Some(match (kind.name(), is_bare) {
        ("", _) => write,
        (unit, false) => format!("{unit}: {write}"),
        (unit, true) => format!("{unit}: for {amount} {name} {write}"),
    })
}

/// Reads the only number of a list.
fn number_in_list(key: &Key, raw: &str) -> Option<String> {
    let inner = raw.strip_prefix('[')?.strip_suffix(']')?;
    number(key, inner.trim())
}

/// Returns advice for a value that holds no number.
fn no_number(key: &Key, word: &str) -> Option<String> {
    let digits = word.strip_prefix(['-', '+']).unwrap_or(word);
    let is_number = digits.starts_with(|c: char| c.is_ascii_digit()) && !digits.contains('-');
    let of_unit = match Kind::of(key).name() {
        "" => String::new(),
        unit => format!(" of {unit}"),
    };
    (!is_number).then(|| format!("write a whole number{of_unit}, without quotes"))
}

/// Splits a number from the unit behind it, which is returned in lower case. Underscores or commas may stand between
/// the digits.
fn amount(word: &str) -> Option<(f64, String)> {
    let is_of_number = |c: char| c.is_ascii_digit() || matches!(c, '.' | '_' | ',' | '+');
    let end = word.find(|c| !is_of_number(c)).unwrap_or(word.len());
    let (digits, rest) = word.split_at_checked(end)?;
    // An exponent, as in 1e3.
    let (digits, rest) = match exponent(rest) {
        Some(len) => word.split_at_checked(end + len)?,
        None => (digits, rest),
    };
    let digits: String = digits.chars().filter(|c| !matches!(c, '_' | ',')).collect();
    let amount: f64 = digits.parse().ok()?;
    // A semicolon, a comma or a `//` comment from another language may follow.
    let unit = rest.split("//").next().unwrap_or_default();
    let unit = unit.trim().trim_end_matches([';', ',']).trim();
    amount
        .is_finite()
        .then(|| (amount, unit.to_ascii_lowercase()))
}

/// Returns the length of the exponent at the beginning of this text.
fn exponent(rest: &str) -> Option<usize> {
    let digits = rest.strip_prefix(['e', 'E'])?;
    let digits = digits.strip_prefix(['+', '-']).unwrap_or(digits);
    let len = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    (len > 0).then(|| rest.len() - digits.len() + len)
}

fn whole(value: f64) -> Option<u32> {
    // Converted through text, because a cast would clip a value that is out of range.
    (value.fract() == 0.0).then(|| format!("{value:.0}").parse().ok())?
}

/// Finds another word for the meaning of 0.
fn off(word: &str, zero: Option<&str>) -> Option<String> {
    let word = word.to_ascii_lowercase();
    let meaning = zero.filter(|_| OFF.contains(&word.as_str()))?;
    Some(format!("write 0 ({meaning})"))
}

fn one_of(words: &[&str], word: &str) -> Option<String> {
    let lower = word.to_ascii_lowercase();
    let is_on = ["true", "yes", "on", "1"].contains(&lower.as_str());
    let is_off = ["false", "no", "off", "0"].contains(&lower.as_str());
    let same = words.iter().find(|known| **known == lower);
    let alike = words.iter().find(|known| match **known {
        "true" | "auto" => is_on,
        "false" | "off" => is_off,
        _ => false,
    });
    let word = same.or(alike)?;
    Some(match *word {
        "true" | "false" => format!("write {word}"),
        word => format!("write \"{word}\""),
    })
}

/// Tells what is wrong with the first entry of a list that is not a network.
fn networks(raw: &str) -> Option<String> {
    let listed = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']'));
    let texts = listed.unwrap_or(raw).split(',');
    let words = texts.map(|text| text.trim().trim_matches(|c| QUOTES.contains(&c)));
    let words: Vec<_> = words.filter(|word| !word.is_empty()).collect();
    let wrong = words
        .iter()
        .find_map(|word| word.parse::<Network>().err())
        .map(|error| error.to_string());
    wrong.or_else(|| Some(format!("write {words:?}")).filter(|_| !words.is_empty()))
}

fn is_addr(key: &Key) -> bool {
    key.unit == "address and port"
}

/// Tells how to write the address: the intended address if it is clear, otherwise an example.
fn addr(key: &Key, raw: &str) -> Option<String> {
    let listed = raw.strip_prefix('[').and_then(|raw| raw.strip_suffix(']'));
    let raw = listed.filter(|raw| raw.starts_with(QUOTES)).unwrap_or(raw);
    let word = raw.trim_matches(|c| QUOTES.contains(&c)).trim();
    if key.path != LISTEN && OFF.contains(&word.to_ascii_lowercase().as_str()) {
        return Some("write \"\"".to_owned());
    }
    let example = if key.path == LISTEN { 7_000 } else { 9_464 };
    if let Some(addr) = ipv6_with_port(word) {
        return Some(format!("write \"{addr}\""));
    }
    if let Some(ip) = ip(word) {
        let addr = SocketAddr::new(ip, example);
        return Some(format!("the port is missing: write \"{addr}\""));
    }
    let (host, port) = word.rsplit_once(':').unwrap_or((LOCALHOST, word));
    let is_number = !port.is_empty() && port.chars().all(|c| c.is_ascii_digit());
    match (ip(host), port.parse()) {
        (Some(ip), Ok(port)) => Some(format!("write \"{}\"", SocketAddr::new(ip, port))),
        (_, Err(_)) if is_number => Some("a port is 65535 at most".to_owned()),
        // A host name: the key's own remedy covers it.
        (None, Ok(_)) => None,
        (Some(_) | None, _) if is_name(word) => Some(format!(
            "a host name is not looked up, and the port is missing: write \"{LOCALHOST}:{example}\""
        )),
        (Some(_) | None, _) => Some(format!("write \"{LOCALHOST}:{example}\"")),
    }
}

fn ip(host: &str) -> Option<IpAddr> {
    match host {
        "" | "*" => Some(IpAddr::from([0, 0, 0, 0])),
        "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
        host => {
            let inner = host
                .strip_prefix('[')
                .and_then(|host| host.strip_suffix(']'));
            inner.unwrap_or(host).parse().ok()
        }
    }
}

/// Reads an IPv6 address without its brackets, as in ::1:7000. Four digits or more at its end are a
/// port.
fn ipv6_with_port(word: &str) -> Option<SocketAddr> {
    let (host, port) = word.rsplit_once(':')?;
    let ip: std::net::Ipv6Addr = host.parse().ok()?;
    let port = port.parse().ok().filter(|port| *port >= 1_000)?;
    Some(SocketAddr::new(ip.into(), port))
}

fn is_name(word: &str) -> bool {
    let is_of_name = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-');
    word.chars().all(is_of_name) && word.contains('.')
}

/// Finds a word that is right except for missing quotes. The value of a secret is never shown.
fn quoted(key: &Key, raw: &str) -> Option<String> {
    let is_bare = raw
        .chars()
        .all(|c| c.is_ascii_alphanumeric() || "_-./~".contains(c));
    let is_text =
        is_bare && raw.starts_with(|c: char| c.is_ascii_alphabetic() || "./~".contains(c));
    match key.path {
        "admin.token_file" if OFF.contains(&raw) => Some("write \"\"".to_owned()),
        "admin.token_file" if raw == "true" => None,
        "liveness.profile" | "admin.token_file" if is_text => Some(format!("write \"{raw}\"")),
        "admin.token" if is_bare => Some("put it in double quotes".to_owned()),
        _ => None,
    }
}

/// The unit of a key.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Millis,
    Bytes,
    Others,
}

/// The names of a unit, its size in the key's own unit, and the word for a bare number in it.
type Unit = (&'static [&'static str], f64, &'static str);

impl Kind {
    fn of(key: &Key) -> Self {
        match key.unit {
            "milliseconds" => Self::Millis,
            "bytes" => Self::Bytes,
            _ => Self::Others,
        }
    }

    const fn name(self) -> &'static str {
        match self {
            Self::Millis => "milliseconds",
            Self::Bytes => "bytes",
            Self::Others => "",
        }
    }

    /// Where a bare number fits more than one unit, the first one counts.
    const fn units(self) -> &'static [Unit] {
        match self {
            Self::Millis => &[
                (
                    &["", "ms", "msec", "millis", "millisecond", "milliseconds"],
                    1.0,
                    "",
                ),
                (
                    &["", "s", "sec", "secs", "second", "seconds"],
                    1_000.0,
                    "seconds",
                ),
                (&["m", "min", "mins", "minute", "minutes"], 60_000.0, ""),
                (&["h", "hr", "hour", "hours"], 3_600_000.0, ""),
                (&["d", "day", "days"], 86_400_000.0, ""),
            ],
            Self::Bytes => &[
                (&["", "b", "byte", "bytes"], 1.0, ""),
                (&["", "k", "kb", "kib"], 1_024.0, "KiB"),
                (&["", "m", "mb", "mib"], 1_048_576.0, "MiB"),
                (&["g", "gb", "gib"], 1_073_741_824.0, ""),
            ],
            Self::Others => &[
                (&[""], 1.0, ""),
                (&["k"], 1_000.0, ""),
                (&["m"], 1_000_000.0, ""),
            ],
        }
    }
}

const QUOTES: [char; 6] = ['"', '\'', '“', '”', '‘', '’'];
const OFF: [&str; 15] = [
    "never",
    "off",
    "none",
    "no",
    "false",
    "disabled",
    "unlimited",
    "infinite",
    "infinity",
    "inf",
    "+inf",
    "-1",
    "null",
    "nil",
    "forever",
];
const LOCALHOST: &str = "127.0.0.1";
const LISTEN: &str = "listen.addr";

#[cfg(test)]
mod tests {
    use super::*;

    const NO_NUMBER: &str = "write a whole number of milliseconds, without quotes";

    fn of(path: &str, raw: &str) -> String {
        advice(Key::find(path).unwrap(), raw).unwrap_or_default()
    }

    #[test]
    fn a_time_with_its_unit_is_reported_in_milliseconds() {
        for (raw, expected) in [
            ("\"5s\"", "milliseconds: write 5000"),
            ("5s", "milliseconds: write 5000"),
            ("\"5 seconds\"", "milliseconds: write 5000"),
            ("'250ms'", "milliseconds: write 250"),
            ("\"1.5m\"", "milliseconds: write 90000"),
            ("\"5000\"", "milliseconds: write 5000"),
            ("5000.0", "milliseconds: write 5000"),
            ("5e3", "milliseconds: write 5000"),
            ("5,000", "milliseconds: write 5000"),
            ("5000; // five", "milliseconds: write 5000"),
            ("05000", "milliseconds: write 5000"),
            ("5", "milliseconds: for 5 seconds write 5000"),
            ("2.5", "milliseconds: for 2.5 seconds write 2500"),
            ("\"11m\"", ""),
            ("\"soon\"", NO_NUMBER),
            ("-5", ""),
            ("nan", NO_NUMBER),
            ("\"\"", NO_NUMBER),
            ("a table", NO_NUMBER),
            ("true", NO_NUMBER),
            ("2026-01-01", NO_NUMBER),
            ("[5000]", "milliseconds: write 5000"),
            ("[5000, 6000]", NO_NUMBER),
        ] {
            assert_eq!(of("timeouts.hello_ms", raw), expected, "{raw}");
        }
        assert_eq!(
            of("liveness.profiles.mine.dead_ms", "15"),
            "milliseconds: for 15 seconds write 15000"
        );
        assert_eq!(of("timeouts.idle_ms", "\"never\""), "write 0 (off)");
        assert_eq!(
            of("liveness.profiles.mine.dead_ms", "inf"),
            "write 0 (never)"
        );
    }

    #[test]
    fn a_size_with_its_unit_is_reported_in_bytes() {
        for (path, raw, expected) in [
            ("limits.frame_bytes_max", "\"64KiB\"", "bytes: write 65536"),
            ("limits.frame_bytes_max", "\"64K\"", "bytes: write 65536"),
            ("limits.frame_bytes_max", "\"1 MB\"", "bytes: write 1048576"),
            (
                "limits.frame_bytes_max",
                "64",
                "bytes: for 64 KiB write 65536",
            ),
            (
                "limits.events_bytes_max",
                "16",
                "bytes: for 16 MiB write 16777216",
            ),
            (
                "limits.frame_bytes_max",
                "\"65536 bytes\"",
                "bytes: write 65536",
            ),
            ("limits.frame_bytes_max", "\"1 GiB\"", ""),
            ("limits.inbox_frames_max", "\"256\"", "write 256"),
            ("admission.connections_max", "\"10k\"", "write 10000"),
            ("admission.connections_max", "10_000.0", "write 10000"),
        ] {
            assert_eq!(of(path, raw), expected, "{path} {raw}");
        }
    }

    #[test]
    fn a_word_in_other_letters_or_another_language_is_reported_as_it_has_to_stand() {
        for (path, raw, expected) in [
            ("listen.behind_proxy", "\"true\"", "write true"),
            ("listen.behind_proxy", "True", "write true"),
            ("kernel.keepalive", "off", "write false"),
            ("kernel.keepalive", "0", "write false"),
            ("kernel.rto_max", "\"AUTO\"", "write \"auto\""),
            ("kernel.rto_max", "false", "write \"off\""),
            ("kernel.rto_max", "\"soon\"", ""),
            (
                "listen.addr",
                "\"localhost:7000\"",
                "write \"127.0.0.1:7000\"",
            ),
            ("listen.addr", "7000", "write \"127.0.0.1:7000\""),
            ("admin.listen", "\":9464\"", "write \"0.0.0.0:9464\""),
            ("admin.metrics_listen", "[::]:9464", "write \"[::]:9464\""),
            ("listen.addr", "\"example.com:7000\"", ""),
            (
                "listen.addr",
                "\"127.0.0.1\"",
                "the port is missing: write \"127.0.0.1:7000\"",
            ),
            (
                "listen.addr",
                "\"::\"",
                "the port is missing: write \"[::]:7000\"",
            ),
            (
                "admin.listen",
                "localhost",
                "the port is missing: write \"127.0.0.1:9464\"",
            ),
            ("listen.addr", "\"::1:7000\"", "write \"[::1]:7000\""),
            (
                "listen.addr",
                "\"127.0.0.1:70000\"",
                "a port is 65535 at most",
            ),
            ("listen.addr", "70000", "a port is 65535 at most"),
            (
                "listen.addr",
                "[\"0.0.0.0:7000\"]",
                "write \"0.0.0.0:7000\"",
            ),
            ("listen.addr", "a table", "write \"127.0.0.1:7000\""),
            (
                "listen.addr",
                "\"game.example.com\"",
                "a host name is not looked up, and the port is missing: write \"127.0.0.1:7000\"",
            ),
            ("admin.listen", "\"off\"", "write \"\""),
            ("admin.metrics_listen", "false", "write \"\""),
            ("liveness.profile", "standard", "write \"standard\""),
            ("admin.token_file", "/etc/token", "write \"/etc/token\""),
            ("admin.token_file", "true", ""),
            ("admin.token_file", "false", "write \"\""),
            (
                "admin.token",
                "hush-hush-hush-hush",
                "put it in double quotes",
            ),
        ] {
            assert_eq!(of(path, raw), expected, "{path} {raw}");
        }
    }
}
