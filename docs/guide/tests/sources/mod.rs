//! The texts in Rust sources that somebody can be told, and the kinds of errors.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{Attribute, Expr, ExprMethodCall, File, ImplItemFn, Item, ItemFn, ItemMod, Lit, LitStr, Macro};

/// Below a folder of sources, what is no text for people: SQL, and suites for who implements a trait.
const SKIPPED: [&str; 6] =
    ["driver", "conformance", "conformance.rs", "tests.rs", "statements.rs", "plans.rs"];

/// Macros and methods that tell of bugs.
const BUGS: [&str; 9] = [
    "assert",
    "assert_eq",
    "assert_ne",
    "debug_assert",
    "debug_assert_eq",
    "expect",
    "panic",
    "todo",
    "unreachable",
];

/// Fewer words are values, names and parts of a format.
const WORDS: usize = 3;

/// All files of Rust below a folder, but those that are skipped.
fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> = entries.map(|entry| entry.expect("it can be read").path()).collect();
    paths.sort_unstable();
    paths.retain(|path| !path.file_name().is_some_and(|name| SKIPPED.iter().any(|skipped| name == *skipped)));
    let is_rust = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "rs");
    let each = |path: PathBuf| if path.is_dir() { rust_files(&path) } else { Vec::from([path]) };
    paths.into_iter().flat_map(each).filter(is_rust).collect()
}

pub(crate) fn parse(path: &Path) -> File {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    syn::parse_file(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The texts below a folder, with `…` for each value, and in which file they are.
pub(crate) fn texts(folder: &Path) -> BTreeMap<String, PathBuf> {
    let mut texts = BTreeMap::new();
    for path in rust_files(folder) {
        let mut reader = Reader::default();
        reader.visit_file(&parse(&path));
        let long = reader.texts.iter().map(|text| shown(text));
        let long = long.filter(|text| text.split_whitespace().count() >= WORDS);
        texts.extend(long.map(|text| (text, path.clone())));
    }
    texts
}

/// What the `Display` of a type says, however short.
pub(crate) fn display_texts(path: &Path, name: &str) -> Vec<String> {
    let mut reader = Reader::default();
    for item in parse(path).items {
        let Item::Impl(item) = item else { continue };
        let is_display = item
            .trait_
            .as_ref()
            .is_some_and(|(path, _)| path.segments.last().is_some_and(|segment| segment.ident == "Display"));
        let is_it = matches!(&*item.self_ty, syn::Type::Path(path)
            if path.path.segments.last().is_some_and(|segment| segment.ident == name));
        if is_display && is_it {
            reader.visit_item_impl(&item);
        }
    }
    let letters = |text: &String| text.chars().filter(|c| c.is_alphabetic()).count();
    reader.texts.iter().map(|text| shown(text)).filter(|text| letters(text) > 4).collect()
}

/// The names of an enum's variants.
pub(crate) fn variants(path: &Path, name: &str) -> Vec<String> {
    let items = parse(path).items.into_iter();
    let mut enums = items.filter_map(|item| if let Item::Enum(item) = item { Some(item) } else { None });
    let found =
        enums.find(|item| item.ident == name).unwrap_or_else(|| panic!("no {name} in {}", path.display()));
    found.variants.iter().map(|variant| variant.ident.to_string()).collect()
}

/// Collects literals, but not those of tests, attributes and bugs.
#[derive(Default)]
struct Reader {
    texts: Vec<String>,
}

impl Reader {
    fn tokens(&mut self, tokens: TokenStream) {
        let mut tokens = tokens.into_iter();
        while let Some(token) = tokens.next() {
            match token {
                // An attribute, such as a comment in a macro.
                TokenTree::Punct(sign) if sign.as_char() == '#' => _ = tokens.next(),
                TokenTree::Group(group) => self.tokens(group.stream()),
                TokenTree::Literal(literal) => {
                    if let Lit::Str(text) = Lit::new(literal) {
                        self.texts.push(text.value());
                    }
                }
                _ => {}
            }
        }
    }
}

fn is_test(attributes: &[Attribute]) -> bool {
    let of_tests = |attribute: &Attribute| {
        let is_cfg = attribute.path().is_ident("cfg");
        is_cfg && attribute.parse_args::<syn::Path>().is_ok_and(|path| path.is_ident("test"))
    };
    attributes.iter().any(of_tests)
}

impl<'ast> Visit<'ast> for Reader {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        if !is_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_fn(&mut self, item: &'ast ItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_item_fn(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, item: &'ast ImplItemFn) {
        if !is_test(&item.attrs) {
            visit::visit_impl_item_fn(self, item);
        }
    }

    /// What the compiler says is a text, too; documentation is none.
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        let segments = &attribute.path().segments;
        if segments.first().is_some_and(|segment| segment.ident == "diagnostic") {
            self.tokens(attribute.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default());
        }
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        let is_bug = BUGS.iter().any(|bug| call.method == bug);
        if is_bug { self.visit_expr(&call.receiver) } else { visit::visit_expr_method_call(self, call) }
    }

    fn visit_macro(&mut self, call: &'ast Macro) {
        let name = call.path.segments.last().map(|segment| segment.ident.to_string()).unwrap_or_default();
        if BUGS.contains(&name.as_str()) || name == "include_str" {
            return;
        }
        // The arguments of most are expressions, in which calls of `expect` may be.
        match call.parse_body_with(syn::punctuated::Punctuated::<Expr, syn::Token![,]>::parse_terminated) {
            Ok(arguments) => arguments.iter().for_each(|argument| self.visit_expr(argument)),
            Err(_) => self.tokens(call.tokens.clone()),
        }
    }

    fn visit_lit_str(&mut self, text: &'ast LitStr) {
        self.texts.push(text.value());
    }
}

/// With `…` for each value, on one line; of a page what is in its paragraph.
fn shown(text: &str) -> String {
    let text = text.rsplit("<p>").next().unwrap_or_default().replace("{{", "\u{1}").replace("}}", "\u{2}");
    let mut shown = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once('{') {
        let Some((_, after)) = after.split_once('}') else { break };
        shown.push_str(before);
        shown.push('…');
        rest = after;
    }
    shown.push_str(rest);
    let shown = shown.replace('\u{1}', "{").replace('\u{2}', "}");
    shown.split_whitespace().collect::<Vec<_>>().join(" ")
}
