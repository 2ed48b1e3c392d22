//! A list of extensions is read as it was written, and its iterator finds what a search by hand finds.

use lastword_session::wire::{ExtensionsBuf, HEADER_LEN, Hello, Previous, ServerSaw};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::frame::{some_bytes, split_len_u16};

/// A hello's payload up to the length of its extensions: no token.
const HEAD: &[u8] = b"LW\x01\x01\x02\0\x01\0\0\
    \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\
    \0\0\0\0\0\0\0\0\
    \0\0";

/// Checks bytes as the list of a hello, and as the items of a list.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    check_list(data.get(..usize::from(u16::MAX)).unwrap_or(data));
    // Input that is too short makes no value.
    check_items(&mut Unstructured::new(data)).unwrap_or_default();
}

fn check_list(list: &[u8]) {
    let len = u16::try_from(list.len()).unwrap_or_default();
    let payload = [HEAD, &len.to_be_bytes(), list, b"credentials"].concat();
    let hello = Hello::decode(&payload);
    assert_eq!(hello.is_ok(), is_list(list), "{hello:?}");
    let Ok(hello) = hello else {
        return;
    };
    assert_eq!(hello.extensions.as_bytes(), list);
    let again = ExtensionsBuf::from_items(&hello.extensions);
    let again = again.as_ref().map(ExtensionsBuf::as_extensions);
    assert_eq!(again, Ok(hello.extensions), "an extension is not kept");
    for (kind, _) in &hello.extensions {
        let mut of_kind = hello.extensions.iter().filter(|(other, _)| *other == kind);
        let first = of_kind.next().map(|(_, value)| value);
        assert_eq!(
            hello.extensions.find(kind),
            first,
            "another extension than the first is found"
        );
    }
    check_known(&hello);
}

/// An extension with a meaning is written as it was read.
fn check_known(hello: &Hello<'_>) {
    let mut written = ExtensionsBuf::default();
    if let Some(previous) = Previous::find(&hello.extensions) {
        assert_eq!(previous.push(&mut written), Ok(()));
        assert_eq!(Previous::find(&written.as_extensions()), Some(previous));
    }
    let mut written = ExtensionsBuf::default();
    if let Some(saw) = ServerSaw::find(&hello.extensions) {
        assert_eq!(saw.push(&mut written), Ok(()));
        assert_eq!(ServerSaw::find(&written.as_extensions()), Some(saw));
    }
}

fn check_items(input: &mut Unstructured<'_>) -> Result<()> {
    let items = items(input)?;
    let bytes: usize = items
        .iter()
        .map(|(_, value)| HEADER_LEN + value.len())
        .sum();
    let list = ExtensionsBuf::from_items(items.iter().copied());
    assert_eq!(list.is_ok(), bytes <= usize::from(u16::MAX));
    if let Ok(list) = list {
        assert!(list.as_extensions().iter().eq(items));
    }
    Ok(())
}

/// Up to seven items of a list.
pub(crate) fn items<'a>(input: &mut Unstructured<'a>) -> Result<Vec<(u16, &'a [u8])>> {
    let count = input.int_in_range(0..=7)?;
    (0..count)
        .map(|_| Ok((input.arbitrary()?, some_bytes(input)?)))
        .collect()
}

pub(crate) fn is_list(mut list: &[u8]) -> bool {
    while !list.is_empty() {
        let Some((_value, rest)) = list.get(2..).and_then(split_len_u16) else {
            return false;
        };
        list = rest;
    }
    true
}
