//! Where a name is defined, however many re-exports lead there.

use std::collections::HashMap;

use syn::{Item, UseTree};

use crate::source::{self, Module};

/// As deep as imports may lead to each other; two globs can do so for ever.
const DEPTH: usize = 32;

/// An item and the module that defines it, by its place in the list of modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Definition {
    pub(crate) module: usize,
    pub(crate) name: String,
}

/// The names of all modules.
pub(crate) struct Names {
    modules: HashMap<Vec<String>, usize>,
    scopes: Vec<Scope>,
}

struct Scope {
    path: Vec<String>,
    items: Vec<String>,
    /// A module and a function may be imported by the same name.
    imports: Vec<Import>,
}

/// One name out of a `use`.
pub(crate) struct Import {
    pub(crate) path: Vec<String>,
    /// What it is called here: `None` for `*`.
    pub(crate) name: Option<String>,
}

impl Names {
    pub(crate) fn of(modules: &[Module]) -> Self {
        let places = modules.iter().enumerate().map(|(place, module)| (module.path.clone(), place));
        Self { modules: places.collect(), scopes: modules.iter().map(Scope::of).collect() }
    }

    /// The item to which `path` leads if it stands in the module `from`. What follows a type is not looked at: its
    /// functions and variants belong to it. `None` for modules, and for what other crates define.
    pub(crate) fn item(&self, from: usize, path: &[String]) -> Option<Definition> {
        self.item_within(from, path, DEPTH)
    }

    fn item_within(&self, from: usize, path: &[String], depth: usize) -> Option<Definition> {
        let (mut module, rest) = self.anchor(from, path)?;
        let (last, way) = rest.split_last()?;
        for name in way {
            match self.module_in(module, name, depth) {
                Some(next) => module = next,
                None => return self.item_in(module, name, depth),
            }
        }
        self.item_in(module, last, depth)
    }

    /// An item of this name, defined or imported there.
    fn item_in(&self, module: usize, name: &str, depth: usize) -> Option<Definition> {
        let scope = &self.scopes[module];
        if scope.items.iter().any(|item| item == name) {
            return Some(Definition { module, name: name.to_owned() });
        }
        let depth = depth.checked_sub(1)?;
        scope.named(name).find_map(|import| self.item_within(module, &import.path, depth)).or_else(|| {
            let globs = scope.globs().filter_map(|glob| self.module_within(module, &glob.path, depth));
            globs.filter(|found| *found != module).find_map(|found| self.item_in(found, name, depth))
        })
    }

    fn module_within(&self, from: usize, path: &[String], depth: usize) -> Option<usize> {
        let (module, rest) = self.anchor(from, path)?;
        rest.iter().try_fold(module, |module, name| self.module_in(module, name, depth))
    }

    fn module_in(&self, module: usize, name: &str, depth: usize) -> Option<usize> {
        let scope = &self.scopes[module];
        let child = [scope.path.as_slice(), &[name.to_owned()]].concat();
        if let Some(child) = self.modules.get(&child) {
            return Some(*child);
        }
        let depth = depth.checked_sub(1)?;
        scope.named(name).find_map(|import| self.module_within(module, &import.path, depth)).or_else(|| {
            let globs = scope.globs().filter_map(|glob| self.module_within(module, &glob.path, depth));
            globs.filter(|found| *found != module).find_map(|found| self.module_in(found, name, depth))
        })
    }

    /// Where a path begins, and what remains of it: behind `crate`, `self` and `super`.
    fn anchor<'p>(&self, from: usize, path: &'p [String]) -> Option<(usize, &'p [String])> {
        let mut module = self.scopes[from].path.as_slice();
        let mut rest = path;
        while let Some((first, behind)) = rest.split_first() {
            match first.as_str() {
                "crate" => module = &[],
                "self" => {}
                "super" => module = module.split_last()?.1,
                _ => break,
            }
            rest = behind;
        }
        Some((*self.modules.get(module)?, rest))
    }
}

impl Scope {
    fn of(module: &Module) -> Self {
        let items = module.items.iter().filter(|item| !source::is_for_tests(source::attributes(item)));
        let mut scope = Self { path: module.path.clone(), items: Vec::new(), imports: Vec::new() };
        for item in items {
            match item {
                Item::Use(item) => scope.imports.extend(imports(&item.tree)),
                _ => scope.items.extend(name_of(item)),
            }
        }
        scope
    }

    fn named(&self, name: &str) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(move |import| import.name.as_deref() == Some(name))
    }

    fn globs(&self) -> impl Iterator<Item = &Import> {
        self.imports.iter().filter(|import| import.name.is_none())
    }
}

fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

/// All names of a `use`, with their whole paths.
pub(crate) fn imports(tree: &UseTree) -> Vec<Import> {
    let mut found = Vec::new();
    collect(tree, Vec::new(), &mut found);
    found
}

fn collect(tree: &UseTree, mut path: Vec<String>, found: &mut Vec<Import>) {
    match tree {
        UseTree::Path(step) => {
            path.push(step.ident.to_string());
            collect(&step.tree, path, found);
        }
        UseTree::Group(group) => group.items.iter().for_each(|one| collect(one, path.clone(), found)),
        UseTree::Glob(_) => found.push(Import { path, name: None }),
        UseTree::Name(leaf) if leaf.ident == "self" => {
            let name = path.last().cloned();
            found.push(Import { path, name });
        }
        UseTree::Name(leaf) => {
            path.push(leaf.ident.to_string());
            found.push(Import { path, name: Some(leaf.ident.to_string()) });
        }
        UseTree::Rename(leaf) => {
            if leaf.ident != "self" {
                path.push(leaf.ident.to_string());
            }
            found.push(Import { path, name: Some(leaf.rename.to_string()) });
        }
    }
}
