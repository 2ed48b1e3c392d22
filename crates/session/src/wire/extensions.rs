//! Extensions of hello and welcome: a list of types and values. Unknown ones are skipped.

use super::Malformed;
use super::fields::Reader;

/// The extensions of a hello or welcome: borrowed bytes whose lengths have been checked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Extensions<'a> {
    raw: &'a [u8],
}

impl<'a> Extensions<'a> {
    /// No extensions.
    pub const EMPTY: Self = Self { raw: &[] };

    /// Reads the length u16 and the list behind it.
    pub(super) fn read(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let len = reader.u16("extensions")?;
        let raw = reader
            .bytes(usize::from(len), "extensions")
            .map_err(|_| Malformed::ExtensionOverruns)?;
        let mut items = Reader::new(raw);
        while !items.is_empty() {
            next_item(&mut items).map_err(|_| Malformed::ExtensionOverruns)?;
        }
        Ok(Self { raw })
    }

    /// Yields each extension's type and value in the order of the wire.
    #[must_use]
    pub const fn iter(&self) -> ExtensionIter<'a> {
        ExtensionIter {
            reader: Reader::new(self.raw),
        }
    }

    /// Finds the value of the first extension of type `wanted`.
    #[must_use]
    pub fn find(&self, wanted: u16) -> Option<&'a [u8]> {
        self.iter()
            .find_map(|(kind, value)| (kind == wanted).then_some(value))
    }

    /// Returns the list as on the wire, without the length before it.
    #[must_use]
    pub const fn as_bytes(&self) -> &'a [u8] {
        self.raw
    }
}

impl<'a> IntoIterator for &Extensions<'a> {
    type Item = (u16, &'a [u8]);
    type IntoIter = ExtensionIter<'a>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// The iterator of [`Extensions::iter`].
#[derive(Clone, Debug)]
pub struct ExtensionIter<'a> {
    reader: Reader<'a>,
}

impl<'a> Iterator for ExtensionIter<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        // The list was checked when it was read, so an error can only mean its end.
        next_item(&mut self.reader).ok()
    }
}

/// A list of extensions to send, within the 65,535 bytes that its length can count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExtensionsBuf {
    raw: Vec<u8>,
}

impl ExtensionsBuf {
    /// Builds a list from types and values.
    ///
    /// # Errors
    /// [`ExtensionsFull`] where they do not fit together.
    pub fn from_items<'v>(
        items: impl IntoIterator<Item = (u16, &'v [u8])>,
    ) -> Result<Self, ExtensionsFull> {
        let mut list = Self::default();
        for (kind, value) in items {
            list.push(kind, value)?;
        }
        Ok(list)
    }

    /// Appends one extension.
    ///
    /// # Errors
    /// [`ExtensionsFull`] if it does not fit; the list is then unchanged.
    pub fn push(&mut self, kind: u16, value: &[u8]) -> Result<(), ExtensionsFull> {
        let len = u16::try_from(value.len()).map_err(|_| ExtensionsFull)?;
        let total = self.raw.len().saturating_add(4).saturating_add(value.len());
        if total > usize::from(u16::MAX) {
            return Err(ExtensionsFull);
        }
        self.raw.extend_from_slice(&kind.to_be_bytes());
        self.raw.extend_from_slice(&len.to_be_bytes());
        self.raw.extend_from_slice(value);
        Ok(())
    }

    /// Borrows the list for a hello or welcome.
    #[must_use]
    pub fn as_extensions(&self) -> Extensions<'_> {
        Extensions { raw: &self.raw }
    }
}

/// The error for extensions that exceed their length field.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the extensions have more than 65,535 bytes")]
pub struct ExtensionsFull;

fn next_item<'a>(reader: &mut Reader<'a>) -> Result<(u16, &'a [u8]), Malformed> {
    let kind = reader.u16("extension type")?;
    Ok((kind, reader.bytes_u16("extension value")?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_yields_what_was_put_in_and_finds_the_first_of_a_type() {
        let items: [(u16, &[u8]); 3] = [(9, b"nine"), (0, b""), (9, b"again")];
        let list = ExtensionsBuf::from_items(items).expect("they fit");
        assert!(list.as_extensions().iter().eq(items));
        assert_eq!(list.as_extensions().find(9), Some(&b"nine"[..]));
        assert_eq!(list.as_extensions().find(1), None);
    }

    #[test]
    fn a_list_takes_exactly_what_its_length_can_count() {
        let mut list = ExtensionsBuf::default();
        assert_eq!(list.push(1, &[0; 0x1_0000 - 4]), Err(ExtensionsFull));
        assert_eq!(list.push(1, &[0; 0xffff - 4]), Ok(()));
        let full = list.clone();
        assert_eq!(list.push(2, b""), Err(ExtensionsFull));
        assert_eq!(list, full);
    }

    #[test]
    fn a_list_that_ends_inside_an_item_overruns() {
        let overruns: [&[u8]; 4] = [
            b"\x00\x01",
            b"\x00\x01\x00",
            b"\x00\x03\x00\x01\x00",
            b"\x00\x05\x00\x01\x00\x02x",
        ];
        for bytes in overruns {
            let read = Extensions::read(&mut Reader::new(bytes));
            assert_eq!(read, Err(Malformed::ExtensionOverruns), "{bytes:?}");
        }
    }
}
