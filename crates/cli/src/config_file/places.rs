//! Finds where a key is in a file, and which key is at a place.

use std::ops::Range;

use lastword_server::Section;
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

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
        for (n, inner) in tables(value).enumerate() {
            if let Some(mut place) = of(inner, span) {
                place.path.insert(0, element(&name, n, value));
                return Some(place);
            }
        }
        if value.get_ref().is_table() {
            return (value.span() == *span).then(|| here(Found::Table));
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
        } else if value.get_ref().is_array() && is_section(&path) && !is_right(&path, value) {
            let (key, found) = (key.span(), Found::Value(value.span()));
            lists.push(Place { path, key, found });
        }
    }
}

/// Whether this is a list of tables, at a place where a list of tables must be.
fn is_right(path: &[String], value: &Spanned<DeValue<'_>>) -> bool {
    let section = Section::find(&path.join("."));
    let list = value.get_ref().as_array();
    section.is_some_and(|section| section.is_list)
        && list.is_some_and(|list| list.iter().all(|each| each.get_ref().is_table()))
}

/// Turns the table at this name into a list with one table. Returns the place of the table, if there is one.
pub(super) fn make_list(table: &mut DeTable<'_>, name: &str) -> Option<Place> {
    let (key, value) = table.get_key_value(name)?;
    let place = Place {
        path: vec![name.to_owned()],
        key: key.span(),
        found: Found::Table,
    };
    let inner = value.clone();
    let span = inner.span();
    let mut list = DeArray::new();
    list.push(inner);
    let value = table
        .get_mut(name)
        .filter(|value| value.get_ref().is_table())?;
    *value = Spanned::new(span, DeValue::Array(list));
    Some(place)
}

/// Takes a key out of the table.
pub(super) fn remove(table: &mut DeTable<'_>, path: &[String]) {
    match path {
        [] => {}
        [name] => drop(table.remove(name.as_str())),
        [section, rest @ ..] => {
            let (name, n) = name_and_place(section);
            let Some(mut value) = table.get_mut(name).map(Spanned::get_mut) else {
                return;
            };
            if let DeValue::Array(list) = value {
                let Some(each) = list.get_mut(n) else { return };
                value = each.get_mut();
            }
            if let DeValue::Table(inner) = value {
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
        if rest.is_empty() {
            return Some((key.span(), true));
        }
        let (place, rest) = rest.split_once('.')?;
        let (name, n) = name_and_place(place);
        if !name.is_empty() {
            return None;
        }
        let inner = tables(value).nth(n).and_then(|inner| find(inner, rest));
        let list = value.get_ref().as_array();
        let around = list.and_then(|list| list.get(n)).map(Spanned::span);
        Some(inner.unwrap_or((around.unwrap_or(key.span()), false)))
    })
}

/// The table of a section, or the tables of a list.
fn tables<'t, 'v>(value: &'t Spanned<DeValue<'v>>) -> impl Iterator<Item = &'t DeTable<'v>> {
    let one = value.get_ref().as_table().into_iter();
    let list = value.get_ref().as_array();
    let list = list.into_iter().flat_map(|list| list.iter());
    one.chain(list.filter_map(|each| each.get_ref().as_table()))
}

/// How the path of a key names the table of this place: by the section alone, unless there are several.
fn element(name: &str, n: usize, value: &Spanned<DeValue<'_>>) -> String {
    match tables(value).nth(1) {
        Some(_) => format!("{name}[{n}]"),
        None => name.to_owned(),
    }
}

/// The opposite of [`element`].
pub(super) fn name_and_place(element: &str) -> (&str, usize) {
    let place = element.strip_suffix(']').and_then(|element| {
        let (name, place) = element.rsplit_once('[')?;
        Some((name, place.parse().ok()?))
    });
    place.unwrap_or((element, 0))
}
