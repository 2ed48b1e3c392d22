//! Finds where a key is in a file, and which key is at a place.

use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// A key of a file.
#[derive(Debug)]
pub(super) struct Place {
    /// The key and the sections that it is in.
    pub(super) path: Vec<String>,
    /// The range of the key itself.
    pub(super) key: Range<usize>,
    /// The content of the file at this place.
    pub(super) found: Found,
}

/// The content of a place.
#[derive(Debug)]
pub(super) enum Found {
    /// A key that is not known there.
    Key,
    /// A table, where a value should be.
    Table,
    /// A value, by its range.
    Value(Range<usize>),
}

/// Finds the key that this span belongs to.
pub(super) fn of(table: &DeTable<'_>, span: &Range<usize>) -> Option<Place> {
    table.iter().find_map(|(key, value)| {
        let name = key.get_ref().clone().into_owned();
        let here = |found| Place {
            path: vec![name.clone()],
            key: key.span(),
            found,
        };
        if key.span() == *span {
            return Some(here(Found::Key));
        }
        if let DeValue::Table(inner) = value.get_ref() {
            return match of(inner, span) {
                Some(mut place) => {
                    place.path.insert(0, name);
                    Some(place)
                }
                None => (value.span() == *span).then(|| here(Found::Table)),
            };
        }
        let is_inside = value.span().start <= span.start && span.end <= value.span().end;
        is_inside.then(|| here(Found::Value(value.span())))
    })
}

/// Finds the keys for which `is_section` holds and whose values are lists.
pub(super) fn lists(table: &DeTable<'_>, is_section: &impl Fn(&[String]) -> bool) -> Vec<Place> {
    let mut lists = Vec::new();
    add_lists(table, &[], is_section, &mut lists);
    lists
}

fn add_lists(
    table: &DeTable<'_>,
    above: &[String],
    is_section: &impl Fn(&[String]) -> bool,
    lists: &mut Vec<Place>,
) {
    for (key, value) in table {
        let path = [above, &[key.get_ref().clone().into_owned()]].concat();
        if let DeValue::Table(inner) = value.get_ref() {
            add_lists(inner, &path, is_section, lists);
        } else if value.get_ref().is_array() && is_section(&path) {
            let (key, found) = (key.span(), Found::Value(value.span()));
            lists.push(Place { path, key, found });
        }
    }
}

/// Takes a key out of the table.
pub(super) fn remove(table: &mut DeTable<'_>, path: &[String]) {
    match path {
        [] => {}
        [name] => drop(table.remove(name.as_str())),
        [section, rest @ ..] => {
            if let Some(DeValue::Table(inner)) =
                table.get_mut(section.as_str()).map(Spanned::get_mut)
            {
                remove(inner, rest);
            }
        }
    }
}

/// Finds the range of the key at this dotted path, or of the innermost section around it, and whether it is the key
/// itself.
pub(super) fn find(table: &DeTable<'_>, path: &str) -> Option<(Range<usize>, bool)> {
    table.iter().find_map(|(key, value)| {
        let rest = path.strip_prefix(key.get_ref().as_ref())?;
        let Some(rest) = rest.strip_prefix('.') else {
            return rest.is_empty().then(|| (key.span(), true));
        };
        let inner = value
            .get_ref()
            .as_table()
            .and_then(|inner| find(inner, rest));
        Some(inner.unwrap_or((key.span(), false)))
    })
}
