//! The queries of the admin port: what is allowed is read the same in any encoding, and an error is one visible line.

use std::fmt::Display;

use form_urlencoded::Serializer;

use crate::closes::query::ClosesQuery;
use crate::sessions;

/// Checks bytes behind the first one as a query; the first one says of which list.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let Some((list, query)) = data.split_first() else {
        return;
    };
    let query = String::from_utf8_lossy(query);
    if list % 2 == 0 {
        check(&query, ClosesQuery::parse, |query| {
            (1..=10_000).contains(&query.limit)
        });
    } else {
        check(&query, sessions::parse, |query| {
            (1..=1_000).contains(&query.limit())
        });
    }
}

fn check<Q: PartialEq + std::fmt::Debug, E: PartialEq + std::fmt::Debug + Display>(
    query: &str,
    parse: impl Fn(&str) -> Result<Q, E>,
    is_within_limits: impl Fn(&Q) -> bool,
) {
    let parsed = parse(query);
    let pairs = form_urlencoded::parse(query.as_bytes());
    let encoded = Serializer::new(String::new()).extend_pairs(pairs).finish();
    assert_eq!(parse(&encoded), parsed, "{encoded}");
    assert_eq!(parse(&format!("&{query}&")), parsed);
    match parsed {
        Ok(parsed) => assert!(is_within_limits(&parsed), "{parsed:?}"),
        Err(error) => {
            let line = error.to_string();
            assert!(!line.contains(char::is_control), "{line:?}");
            assert!(line.len() < LINE_BYTES_MAX, "{line}");
        }
    }
}

/// The longest value is cut to 64 characters, each of which may be escaped; the rest are our own words.
const LINE_BYTES_MAX: usize = 1_500;
