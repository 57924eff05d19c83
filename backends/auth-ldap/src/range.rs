//! Range retrieval: Active Directory returns only the first 1,500 or so of many values, and says so in the
//! attribute's name ([MS-ADTS] §3.1.1.3.1.3.3): `memberOf;range=0-1499`, and at the end `memberOf;range=1500-*`.

use crate::connection::Entry;
use crate::error::Failure;

/// A part of an attribute's values.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Range {
    pub(crate) values: Vec<Vec<u8>>,
    /// The number of the next value; `None` if there is none.
    pub(crate) next: Option<usize>,
}

/// The name that asks for the values from `first` on.
pub(crate) fn name(attribute: &str, first: usize) -> String {
    format!("{attribute};range={first}-*")
}

/// Takes the values from `first` on out of an entry; `None` if it has no ranges of them.
///
/// # Errors
/// [`Failure`] if the values do not match their range in position or number.
pub(crate) fn take(entry: &mut Entry, attribute: &str, first: usize) -> Result<Option<Range>, Failure> {
    let prefix = format!("{};range=", attribute.to_ascii_lowercase());
    let Some(name) = entry.attributes.keys().find(|name| name.starts_with(&prefix)).cloned() else {
        return Ok(None);
    };
    let values = entry.attributes.remove(&name).unwrap_or_default();
    let next = match parse(&name[prefix.len()..]) {
        Some((start, None)) if start == first => None,
        Some((start, Some(end)))
            if start == first && end.checked_sub(start) == values.len().checked_sub(1) =>
        {
            end.checked_add(1)
        }
        _ => {
            return Err(Failure::unclear("the directory's values of an attribute do not match their range"));
        }
    };
    Ok(Some(Range { values, next }))
}

/// `0-1499`, or `1500-*` for everything from there on.
fn parse(range: &str) -> Option<(usize, Option<usize>)> {
    let (first, last) = range.split_once('-')?;
    let last = if last == "*" { None } else { Some(last.parse().ok()?) };
    Some((first.parse().ok()?, last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(name: &str, values: usize) -> Entry {
        let values = (0..values).map(|n| n.to_string().into_bytes()).collect();
        Entry { dn: "cn=a".into(), attributes: [(name.to_owned(), values)].into() }
    }

    #[test]
    fn a_range_says_which_values_it_has() {
        let table = [
            ("the first", "memberof;range=0-2", 3, 0, Ok(Some(Some(3)))),
            ("the next", "memberof;range=3-3", 1, 3, Ok(Some(Some(4)))),
            ("the last", "memberof;range=4-*", 7, 4, Ok(Some(None))),
            ("no range", "memberof", 3, 0, Ok(None)),
            ("another attribute", "member;range=0-2", 3, 0, Ok(None)),
            ("not where it goes on", "memberof;range=0-2", 3, 3, Err(())),
            ("further on", "memberof;range=4-5", 2, 3, Err(())),
            ("too few", "memberof;range=0-2", 2, 0, Err(())),
            ("too many", "memberof;range=0-2", 4, 0, Err(())),
            ("backwards", "memberof;range=2-1", 1, 2, Err(())),
            ("nothing", "memberof;range=", 1, 0, Err(())),
            ("one number", "memberof;range=0", 1, 0, Err(())),
            ("no numbers", "memberof;range=a-b", 1, 0, Err(())),
            ("a sign", "memberof;range=0--1", 1, 0, Err(())),
            ("as high as numbers get", "memberof;range=0-18446744073709551615", 1, 0, Err(())),
            ("higher", "memberof;range=0-18446744073709551616", 1, 0, Err(())),
        ];
        for (case, name, values, first, expected) in table {
            let taken = take(&mut entry(name, values), "memberOf", first).map_err(drop);
            assert_eq!(taken.map(|range| range.map(|range| range.next)), expected, "{case}");
        }
    }
}
