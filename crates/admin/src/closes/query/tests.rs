use super::*;

fn at(seconds: u64) -> Option<SystemTime> {
    Some(UNIX_EPOCH + Duration::from_secs(seconds))
}

fn refused(query: &str) -> String {
    ClosesQuery::parse(query).unwrap_err().to_string()
}

#[test]
fn nothing_asks_for_the_newest_thousand() {
    let all = ClosesQuery {
        causes: Vec::new(),
        player: None,
        session: None,
        since: None,
        limit: 1_000,
        after: None,
    };
    assert_eq!(ClosesQuery::parse(""), Ok(all));
}

#[test]
fn every_parameter_is_read() {
    let query = "cause=kicked,path_dead&player=an%20n%2B%C3%A9&session=000102030405060708090a0b0c0d0e0f&since=86400\
                 &limit=10000&after=0&cause=idle";
    let expected = ClosesQuery {
        causes: vec![Cause::Kicked, Cause::PathDead, Cause::Idle],
        player: Some("an n+é".to_owned()),
        session: Some(SessionId::from_bytes(std::array::from_fn(|n| {
            u8::try_from(n).unwrap()
        }))),
        since: at(86_400),
        limit: 10_000,
        after: Some(0),
    };
    assert_eq!(ClosesQuery::parse(query), Ok(expected));
}

#[test]
fn a_time_is_seconds_or_rfc_3339_in_utc() {
    let since = |text: &str| ClosesQuery::parse(&format!("since={text}")).map(|query| query.since);
    assert_eq!(since("0"), Ok(at(0)));
    assert_eq!(since("1970-01-02T00:00:01Z"), Ok(at(86_401)));
    assert_eq!(since("1970-01-01T00:00:05.000Z"), Ok(at(5)));
    for bad in [
        "",
        "-1",
        "1.5",
        "yesterday",
        "1970-01-02",
        "18446744073709551615",
        "1970-01-02T00:00:01+01:00",
    ] {
        assert!(since(bad).is_err(), "{bad}");
    }
}

#[test]
fn an_invalid_parameter_is_refused_in_one_line_that_lists_the_allowed_values() {
    let lines = [
        (
            "causes=kicked",
            "there is no parameter `causes`; allowed is cause, player, session, since, limit and after",
        ),
        (
            "cause=kicked,unknown",
            "`cause` is \"unknown\"; allowed is a label of docs/causes.md",
        ),
        (
            "cause=",
            "`cause` is \"\"; allowed is a label of docs/causes.md",
        ),
        (
            "session=12",
            "`session` is \"12\"; allowed is 32 hexadecimal digits",
        ),
        (
            "since=now",
            "`since` is \"now\"; allowed is seconds since 1970, or RFC 3339 in UTC such as 2026-11-22T20:49:55Z",
        ),
        ("limit=0", "`limit` is \"0\"; allowed is 1 to 10000"),
        ("limit=10001", "`limit` is \"10001\"; allowed is 1 to 10000"),
        (
            "after=-1",
            "`after` is \"-1\"; allowed is the seq of a record, or 0",
        ),
        ("limit=1&limit=1", "`limit` is given twice; allowed is once"),
        (
            "limit=%1b%0a%22",
            "`limit` is \"\\u{1b}\\n\\\"\"; allowed is 1 to 10000",
        ),
    ];
    for (query, line) in lines {
        assert_eq!(refused(query), line);
    }
    assert!(refused(&format!("limit={}", "x".repeat(60_000))).len() < 120);
    let beyond = InvalidQuery::beyond_the_last(9, 3).to_string();
    assert!(
        beyond.starts_with("`after` is \"9\"; allowed is 0 to 3, the last record"),
        "{beyond}"
    );
}
