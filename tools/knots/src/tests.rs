//! Small crates, and what is found in them.

use std::fs;

use crate::allowed::Allowed;
use crate::needs::Needs;

/// A crate of these files.
fn needs(files: &[(&str, &str)]) -> Needs {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let file = folder.path().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
    Needs::of(folder.path()).unwrap()
}

/// All arrows between files, as `from -> to: names`, with spaces between.
fn arrows(files: &[(&str, &str)]) -> Vec<String> {
    let needs = needs(files);
    let arrow = |(from, to, names): (&str, &str, Vec<&str>)| format!("{from} -> {to}: {}", names.join(" "));
    needs.files.arrows().map(arrow).collect()
}

#[test]
fn a_name_leads_to_its_definition_through_re_exports() {
    let files = [
        ("lib.rs", "mod a; mod b; pub use b::{Deep as Renamed, Flat};"),
        ("a.rs", "use crate::{Flat, Renamed};"),
        ("b/mod.rs", "mod deep; mod flat; pub use deep::*; pub use self::flat::Flat;"),
        ("b/deep.rs", "pub struct Deep;"),
        ("b/flat.rs", "pub struct Flat;"),
    ];
    assert_eq!(arrows(&files), ["a.rs -> b/deep.rs: Deep", "a.rs -> b/flat.rs: Flat"]);
}

#[test]
fn a_re_export_alone_needs_nothing_and_a_private_import_does() {
    let re_exports = ("lib.rs", "mod a; mod b; mod c; pub use a::A; pub(crate) use b::B;");
    let files =
        [re_exports, ("a.rs", "pub struct A;"), ("b.rs", "pub trait B {}"), ("c.rs", "use crate::B as _;")];
    assert_eq!(arrows(&files), ["c.rs -> b.rs: B"]);
}

#[test]
fn paths_in_code_and_in_macros_count() {
    let code = "
        fn run(at: super::b::Point) -> Option<crate::b::Size> {
            b::step();
            println!(\"{}\", [crate::b::LIMIT]);
            b::Choice::Left.go();
            None
        }
        use crate::b;";
    let b = "pub struct Point; pub struct Size; pub fn step() {} pub const LIMIT: u8 = 1; pub enum Choice { Left }";
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", code), ("b.rs", b)];
    assert_eq!(arrows(&files), ["a.rs -> b.rs: Choice LIMIT Point Size step"]);
}

#[test]
fn tests_documentation_and_other_crates_do_not_count() {
    let a = "
        //! [`B`](crate::b::B)
        /// [`crate::b::B`]
        use crate::b;
        pub struct A(std::sync::Arc<u8>, ::b::B);
        impl A { #[cfg(test)] fn new() -> crate::b::B { crate::b::B } }
        #[cfg(all(test, feature = \"x\"))] use crate::b::B;
        #[cfg(any(test, feature = \"y\"))] use crate::b::Y;
        #[cfg(test)] mod tests { use crate::b::B; }
        #[cfg(test)] mod elsewhere;";
    let files = [("lib.rs", "mod a; mod b;"), ("a.rs", a), ("b.rs", "pub struct B; pub struct Y;")];
    assert_eq!(arrows(&files), ["a.rs -> b.rs: Y"]);
}

#[test]
fn a_function_and_a_module_may_have_one_name() {
    let files = [
        ("lib.rs", "mod a; mod step; pub use step::step;"),
        ("a.rs", "use crate::step; fn go() { step(); step::other(); }"),
        ("step.rs", "pub fn step() {} pub fn other() {}"),
    ];
    assert_eq!(arrows(&files), ["a.rs -> step.rs: other step"]);
}

#[test]
fn modules_written_inline_and_globs_are_followed() {
    let files = [
        ("lib.rs", "mod a; mod b;"),
        ("a.rs", "mod inner { use super::super::b::prelude::*; fn go(b: B) {} }"),
        ("b.rs", "pub struct B; pub mod prelude { pub use super::*; pub use crate::a::*; }"),
    ];
    assert_eq!(arrows(&files), ["a.rs -> b.rs: B"]);
}

/// Two modules of the root that need each other: one by a name of a child.
const KNOT: [(&str, &str); 4] = [
    ("lib.rs", "mod a; mod b; pub use b::Inner;"),
    ("a.rs", "use crate::Inner; pub struct A1; pub struct A2;"),
    ("b.rs", "mod inner; pub use inner::Inner; use crate::a::{A1, A2};"),
    ("b/inner.rs", "pub struct Inner;"),
];

#[test]
fn a_knot_of_modules_is_told_with_what_closes_it() {
    let wrong = Allowed::default().judge(&needs(&KNOT));
    assert_eq!(wrong.len(), 1, "{wrong:?}");
    assert!(wrong[0].contains("2 modules need each other in a circle"), "{}", wrong[0]);
    // The fewer names.
    assert!(wrong[0].contains("    a -> b: Inner\n") && !wrong[0].contains("A1"), "{}", wrong[0]);
    assert!(wrong[0].ends_with("modules: REASON\n    a\n    b\n"), "{}", wrong[0]);
}

#[test]
fn the_list_allows_exactly_what_is_there() {
    let judge = |list: &str| Allowed::parse(list).unwrap().judge(&needs(&KNOT));
    assert_eq!(judge("# why\n\nmodules: for now\n    a\n    b\n"), [] as [&str; 0]);
    let wrong = judge("modules: for now\n    a\n    b\n    c\n");
    assert!(wrong.len() == 2 && wrong[1].contains("no longer there"), "{wrong:?}");
    let wrong =
        judge("modules: for now\n    a\n    b\nfiles: small ones need no entry\n    a.rs\n    b.rs\n");
    assert!(wrong.len() == 1 && wrong[0].contains("files: small ones need no entry"), "{wrong:?}");
}

#[test]
fn the_list_needs_reasons() {
    for list in ["modules:\n    a\n", "modules\n    a\n", "    a\n"] {
        assert!(Allowed::parse(list).is_err(), "{list}");
    }
}

/// `count` files, each of which needs the next one and the last the first, as modules of `around`.
fn ring(around: &str, count: usize) -> Vec<(String, String)> {
    let file = |at: usize| format!("{around}/f{at}.rs");
    let text = |at: usize| format!("use super::f{}::T; pub struct T;", (at + 1) % count);
    (0..count).map(|at| (file(at), text(at))).collect()
}

#[test]
fn a_ring_of_four_files_is_small_enough_and_one_of_five_is_not() {
    for (count, wrong) in [(4, 0), (5, 1)] {
        let declared: Vec<_> = (0..count).map(|at| format!("mod f{at};")).collect();
        let mut files =
            vec![("lib.rs".to_owned(), "mod a;".to_owned()), ("a.rs".to_owned(), declared.concat())];
        files.extend(ring("a", count));
        let files: Vec<_> = files.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
        assert_eq!(Allowed::default().judge(&needs(&files)).len(), wrong, "{count}");
    }
}

/// `room.rs` uses what is in its modules, and they what is in `room.rs`.
const ROOM: [(&str, &str); 4] = [
    ("lib.rs", "mod other; mod room;"),
    ("room.rs", "mod x; mod y; use x::X; pub struct Room;"),
    ("room/x.rs", "use super::Room; use super::y::Y; pub struct X;"),
    ("room/y.rs", "use crate::room::Room; pub struct Y;"),
];

#[test]
fn within_a_room_its_files_use_the_one_around_them() {
    let apart = [&ROOM[..], &[("other.rs", "")]].concat();
    assert!(needs(&apart).file_knots().is_empty());

    // Two that need each other are two in a room as anywhere.
    let pair = [&ROOM[..3], &[("room/y.rs", "use super::x::X; pub struct Y;"), ("other.rs", "")]].concat();
    assert_eq!(needs(&pair).file_knots(), [["room/x.rs".to_owned(), "room/y.rs".to_owned()].into()]);
}

#[test]
fn a_knot_through_two_rooms_is_counted_with_all_its_files() {
    let other = [("other.rs", "use crate::room::x::X; pub struct Other;")];
    let room = [("room.rs", "pub mod x; mod y; use crate::other::Other; pub struct Room;")];
    let files = [&ROOM[..1], &room, &ROOM[2..], &other].concat();
    let knots = needs(&files).file_knots();
    assert_eq!(knots.len(), 1);
    assert_eq!(knots[0].iter().collect::<Vec<_>>(), ["other.rs", "room.rs", "room/x.rs", "room/y.rs"]);
}
