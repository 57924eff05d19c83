//! What the code of a module names.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{ImplItem, Item, ItemMod, ItemUse, Macro, Visibility};

use crate::names;
use crate::source::{self, Module};

/// The paths that stand in a module: in its code, in what it hands to macros, and in its private imports. A re-export
/// is none: who follows it needs what it leads to, and the module itself may not.
pub(crate) fn paths(module: &Module) -> Vec<Vec<String>> {
    let mut found = Found(Vec::new());
    module.items.iter().for_each(|item| found.visit_item(item));
    found.0
}

struct Found(Vec<Vec<String>>);

impl<'ast> Visit<'ast> for Found {
    fn visit_item(&mut self, item: &'ast Item) {
        if !source::is_for_tests(source::attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        if !source::is_for_tests(source::attributes_in_impl(item)) {
            visit::visit_impl_item(self, item);
        }
    }

    /// A module of its own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    /// What they name is looked up when it is used, but for traits, which code uses without naming them.
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        if matches!(item.vis, Visibility::Inherited) {
            let named = names::imports(&item.tree).into_iter().filter(|import| import.name.is_some());
            self.0.extend(named.map(|import| import.path));
        }
    }

    /// Documentation is one of them.
    fn visit_attribute(&mut self, _: &'ast syn::Attribute) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if path.leading_colon.is_none() {
            self.0.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        }
        visit::visit_path(self, path);
    }

    fn visit_macro(&mut self, invoked: &'ast Macro) {
        self.visit_path(&invoked.path);
        in_tokens(invoked.tokens.clone(), &mut self.0);
    }
}

/// Names joined by `::`, wherever they stand: nobody knows what a macro makes of its tokens.
fn in_tokens(tokens: TokenStream, found: &mut Vec<Vec<String>>) {
    let mut path: Vec<String> = Vec::new();
    let mut colons = 0;
    for token in tokens {
        match token {
            TokenTree::Ident(name) => {
                if colons != 2 {
                    found.push(std::mem::take(&mut path));
                }
                path.push(name.to_string());
                colons = 0;
            }
            TokenTree::Punct(mark) if mark.as_char() == ':' => colons += 1,
            other => {
                found.push(std::mem::take(&mut path));
                colons = 0;
                if let TokenTree::Group(group) = other {
                    in_tokens(group.stream(), found);
                }
            }
        }
    }
    found.push(path);
}
